/** @file Outputs that stay on the device: chains without a copy to the host, who may read them, and memory that is given back. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readModule } from "../../compiler/text/index.ts";
import { wasm, manifest as wasmManifest } from "../../runtime/backends/wasm/index.ts";
import { manifest, WebGpuTensor, webgpu } from "../../runtime/backends/webgpu/index.ts";
import { type DeviceTensor, RuntimeError, Tensor } from "../../runtime/index.ts";
import { loadPlan, lowerTo, registry, targetOf } from "../support/op-module.ts";
import { seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";
import { adapter, real, watched } from "./watched-gpu.ts";

const gpuTest = needing(test, "webgpu", adapter !== null);

const first = `tersor 1.0
module @first {
  func @main(%x: tensor<Nx6xf32>) -> (y: tensor<Nx5xf32>, z: tensor<Nx5xf32>) {
    %0 = nn.matmul(%x, @w)
    %y = math.exp(%0)
    %z = math.neg(%y)
    return %y, %z
  }
  const @w : tensor<6x5xf32> = random(1)
}
`;

const second = `tersor 1.0
module @second {
  func @main(%a: tensor<Mx5xf32>, %b: tensor<Mx5xf32>) -> (s: tensor<Mx5xf32>) {
    %0 = math.relu(%a)
    %s = math.sub(%0, %b)
    return %s
  }
}
`;

const bytesModel = `tersor 1.0
module @bytes {
  func @main(%x: tensor<Nx3xbool>) -> (y: tensor<Nx3xbool>) {
    return %x
  }
}
`;

const constantModel = `tersor 1.0
module @constant {
  func @main(%x: tensor<2xf32>) -> (y: tensor<2xf32>, z: tensor<2xf32>) {
    return @c, %x
  }
  const @c : tensor<2xf32> = [3.0, -4.5]
}
`;

const lowered = (text: string) => lowerTo(readModule(text, { registry }), targetOf("webgpu", manifest.kernels));
const input = (n: number) => new Tensor("f32", Float32Array.from(seeded(n).tensor("f32", [n, 6]).data as Float32Array), [n, 6]);

async function refused(work: () => Promise<unknown> | unknown, code: string, words: RegExp): Promise<void> {
  try {
    await work();
  } catch (error) {
    assert.instance(error, RuntimeError);
    assert.is((error as RuntimeError).code, code);
    assert.match((error as RuntimeError).message, words);
    return;
  }
  assert.unreachable(`${code} was not thrown`);
}

const output = (outputs: Readonly<Record<string, DeviceTensor>>, name: string): DeviceTensor => {
  const tensor = outputs[name];
  if (!tensor) throw new Error(`no output ${name}`);
  return tensor;
};

gpuTest("two models chained on the device give what the way over the host gives, batch after batch", async () => {
  const backend = webgpu({ gpu: real });
  const [one, two] = [await loadPlan(lowered(first), backend), await loadPlan(lowered(second), backend)];
  for (const n of [3, 1, 3, 40]) {
    const host = await one.run({ x: input(n) });
    const expected = await two.run({ a: host.y as Tensor, b: host.z as Tensor });
    const device = await one.run({ x: input(n) }, { outputs: "device" });
    await one.run({ x: new Tensor("f32", new Float32Array(6 * n), [n, 6]) });
    const given = { a: output(device, "y"), b: output(device, "z") };
    const forget = () =>
      two.run({ a: new Tensor("f32", new Float32Array(5 * n), [n, 5]), b: new Tensor("f32", new Float32Array(5 * n), [n, 5]) });
    await forget();
    const toHost = await two.run(given);
    await forget();
    const toDevice = output(await two.run(given, { outputs: "device" }), "s");
    await forget();
    assert.equal([toDevice.dtype, toDevice.shape], ["f32", [n, 5]]);
    assert.ok(Array.from(expected.s?.data ?? [], Number).some((value) => value > 0));
    assert.equal(toHost.s?.data, expected.s?.data, "a host output of device inputs");
    assert.equal((await toDevice.read()).data, expected.s?.data, "a device output of device inputs");
    assert.equal((await toDevice.read()).data, expected.s?.data, "and read again");
    const mixed = await two.run({ a: given.a, b: host.z as Tensor });
    assert.equal(mixed.s?.data, expected.s?.data, "one input of each kind");
    for (const tensor of [given.a, given.b, toDevice]) tensor.dispose();
  }
  one.dispose();
  two.dispose();
});

gpuTest("nothing is read back between two models on the device", async () => {
  const { gpu, created } = watched();
  const backend = webgpu({ gpu });
  const [one, two] = [await loadPlan(lowered(first), backend), await loadPlan(lowered(second), backend)];
  const mapped = () => created.filter(({ usage }) => (usage & GPUBufferUsage.MAP_READ) !== 0).length;
  const device = await one.run({ x: input(2) }, { outputs: "device" });
  const last = output(await two.run({ a: output(device, "y"), b: output(device, "z") }, { outputs: "device" }), "s");
  assert.is(mapped(), 0);
  await last.read();
  assert.is(mapped(), 1);
  one.dispose();
  two.dispose();
});

gpuTest("an output that is a constant, an input, or of a size that is no multiple of four bytes", async () => {
  const backend = webgpu({ gpu: real });
  const [bytes, constant] = [await loadPlan(lowered(bytesModel), backend), await loadPlan(lowered(constantModel), backend)];
  const x = new Tensor("bool", Uint8Array.of(1, 0, 1), [1, 3]);
  const y = output(await bytes.run({ x }, { outputs: "device" }), "y");
  assert.equal((await y.read()).data, x.data);
  assert.equal((await bytes.run({ x: y })).y?.data, x.data);
  const outputs = await constant.run({ x: new Tensor("f32", Float32Array.of(7, 8), [2]) }, { outputs: "device" });
  assert.equal((await output(outputs, "y").read()).data, Float32Array.of(3, -4.5));
  assert.equal((await output(outputs, "z").read()).data, Float32Array.of(7, 8));
  output(outputs, "y").dispose();
  const again = await constant.run({ x: output(outputs, "z") });
  assert.equal(
    [again.y?.data, again.z?.data],
    [Float32Array.of(3, -4.5), Float32Array.of(7, 8)],
    "disposing an output leaves the model whole",
  );
  bytes.dispose();
  constant.dispose();
});

gpuTest("the buffer is there for an app's own shaders, until dispose", async () => {
  const session = await loadPlan(lowered(first), webgpu({ gpu: real }));
  const y = output(await session.run({ x: input(2) }, { outputs: "device" }), "y");
  assert.instance(y, WebGpuTensor);
  const { buffer } = y as WebGpuTensor;
  assert.is(buffer.size, 40);
  for (const usage of [GPUBufferUsage.STORAGE, GPUBufferUsage.COPY_SRC, GPUBufferUsage.COPY_DST]) assert.ok(buffer.usage & usage);
  y.dispose();
  y.dispose();
  assert.ok(y.disposed);
  await refused(() => (y as WebGpuTensor).buffer, "R0312", /disposed/);
  session.dispose();
});

gpuTest("a disposed tensor is refused, by name, where it is read or given; the session still works", async () => {
  const backend = webgpu({ gpu: real });
  const [one, two] = [await loadPlan(lowered(first), backend), await loadPlan(lowered(second), backend)];
  const device = await one.run({ x: input(2) }, { outputs: "device" });
  const [a, b] = [output(device, "y"), output(device, "z")];
  const expected = (await two.run({ a, b })).s?.data;
  a.dispose();
  await refused(() => a.read(), "R0312", /disposed/);
  await refused(() => two.run({ a, b }), "R0312", /input "a".*disposed/);
  const c = output(await one.run({ x: input(2) }, { outputs: "device" }), "y");
  const [before, waiting] = [two.run({ a: c, b }), two.run({ a: c, b })];
  await before;
  c.dispose();
  await waiting.then(
    ({ s }) => assert.equal(s?.data, expected),
    (error: unknown) => assert.match(String(error), /R0312/),
  );
  await refused(() => two.run({ a: b, b: c }), "R0312", /input "b"/);
  assert.equal((await two.run({ a: b, b })).s?.shape, [2, 5]);
  one.dispose();
  two.dispose();
});

gpuTest("shapes and dtypes of device tensors are checked as those of others", async () => {
  const backend = webgpu({ gpu: real });
  const [one, bytes] = [await loadPlan(lowered(first), backend), await loadPlan(lowered(bytesModel), backend)];
  const y = output(await one.run({ x: input(2) }, { outputs: "device" }), "y");
  await refused(() => one.run({ x: y }), "R0305", /input "x".*\[N, 6\], got \[2, 5\]/);
  await refused(() => bytes.run({ x: y }), "R0304", /input "x".*expected bool/);
  await refused(() => one.run({ x: input(2) }, { outputs: "gpu" as "device" }), "R0314", /"host" or "device"/);
  one.dispose();
  bytes.dispose();
});

gpuTest("a tensor of another device is refused, with the way out, and read() is that way", async () => {
  const [one, two] = [await loadPlan(lowered(first), webgpu({ gpu: real })), await loadPlan(lowered(second), webgpu({ gpu: real }))];
  const host = await loadPlan(lowerTo(readModule(second, { registry }), targetOf("wasm-simd", wasmManifest.kernels)), wasm());
  const device = await one.run({ x: input(2) }, { outputs: "device" });
  const [a, b] = [output(device, "y"), output(device, "z")];
  await refused(() => two.run({ a, b }), "R0313", /input "a".*one backend object.*read\(\)/);
  await refused(() => host.run({ a, b }), "R0313", /input "a".*backend wasm/);
  await refused(() => host.runSync({ a: a as unknown as Tensor, b: b as unknown as Tensor }), "R0313", /input "a"/);
  const read = { a: await a.read(), b: await b.read() };
  assert.equal((await two.run(read)).s?.data, host.runSync(read).s?.data);
  for (const session of [one, two, host]) session.dispose();
});

gpuTest("every buffer is given back: by dispose, and with the last session of the backend", async () => {
  const { gpu, alive } = watched();
  const backend = webgpu({ gpu });
  const [one, two] = [await loadPlan(lowered(first), backend), await loadPlan(lowered(second), backend)];
  const device = await one.run({ x: input(2) }, { outputs: "device" });
  const [a, b] = [output(device, "y"), output(device, "z")];
  const held = alive.size;
  for (let round = 0; round < 5; round++) {
    const more = await one.run({ x: input(2) }, { outputs: "device" });
    for (const tensor of Object.values(more)) tensor.dispose();
  }
  assert.is(alive.size, held, "two of each round came and went");
  one.dispose();
  assert.equal((await two.run({ a, b })).s?.shape, [2, 5], "outputs outlive the session that made them");
  a.dispose();
  two.dispose();
  assert.is(alive.size, 0);
  assert.ok(b.disposed);
  await refused(() => b.read(), "R0312", /last session/);
});

gpuTest("sessions of one device that run at once keep their answers apart", async () => {
  const backend = webgpu({ gpu: real });
  const alone = await loadPlan(lowered(first), backend);
  const expected = await Promise.all([1, 2, 3, 4].map(async (n) => (await alone.run({ x: input(n) })).y?.data));
  const sessions = await Promise.all([1, 2, 3, 4].map(() => loadPlan(lowered(first), backend)));
  const outputs = await Promise.all(sessions.map((session, i) => session.run({ x: input(i + 1) }, { outputs: "device" })));
  for (const [i, each] of outputs.entries()) assert.equal((await output(each, "y").read()).data, expected[i]);
  for (const session of [alone, ...sessions]) session.dispose();
});

gpuTest("a device that is lost says so", async () => {
  const { gpu, device } = watched();
  const session = await loadPlan(lowered(first), webgpu({ gpu }));
  const y = output(await session.run({ x: input(2) }, { outputs: "device" }), "y");
  device().destroy();
  await device().lost;
  await refused(() => y.read(), "R0421", /lost/);
  await refused(() => session.run({ x: input(2) }, { outputs: "device" }), "R0421", /lost/);
  session.dispose();
});

test("a backend without a device refuses to keep outputs on one", async () => {
  const session = await loadPlan(lowerTo(readModule(second, { registry }), targetOf("wasm-simd", wasmManifest.kernels)), wasm());
  const x = new Tensor("f32", new Float32Array(5), [1, 5]);
  await refused(() => session.run({ a: x, b: x }, { outputs: "device" }), "R0314", /backend wasm.*no memory of its own/);
  assert.equal((await session.run({ a: x, b: x }, { outputs: "host" })).s?.shape, [1, 5]);
  session.dispose();
});

test.run();
