/** @file Bypassing blocks: which there are, that the one that is missed least goes, that it is exact for a block that does nothing, limits and errors. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dataSet, interpret, verifyModule } from "../../compiler/index.ts";
import { type HostTensor, hostTensor, type Module, mainFunction, toNumbers } from "../../ir-spec/index.ts";
import { blocksOf, bypass } from "../../plugins/prune/blocks.ts";
import { failure, readBody, registry, run } from "../passes/support.ts";
import { seeded } from "../support/seeded.ts";
import { normals, oneLayer, withValues } from "./support.ts";

/** Three residual blocks of 8 features between a layer in and a layer out; `scales` of the blocks' second weights. */
function residuals(scales: readonly number[]): Module {
  const blocks = scales.map(
    (_, i) => `    %h${i} = nn.linear(%s${i}, @a${i}, _) {activation = relu}
    %g${i} = nn.linear(%h${i}, @b${i}, _)
    %s${i + 1} = math.add(%g${i}, %s${i})`,
  );
  const constants = scales.flatMap((_, i) => [
    `  const @a${i} : tensor<16x8xf32> = splat 1.0`,
    `  const @b${i} : tensor<8x16xf32> = splat 1.0`,
  ]);
  let module = readBody(`  func @main(%x: tensor<Nx6xf32>) -> (y: tensor<Nx3xf32>) {
    %s0 = nn.linear(%x, @in, _)
${blocks.join("\n")}
    %y = nn.linear(%s${scales.length}, @out, @bias)
    return %y
  }
  const @in : tensor<8x6xf32> = splat 1.0
  const @out : tensor<3x8xf32> = splat 1.0
  const @bias : tensor<3xf32> = splat 0.5
${constants.join("\n")}`);
  const fill = (name: string, count: number, scale: number, seed: number) => {
    module = withValues(module, name, normals(count, seed, scale));
  };
  fill("in", 48, 0.5, 1);
  fill("out", 24, 0.5, 2);
  scales.forEach((scale, i) => {
    fill(`a${i}`, 128, 0.3, 10 + i);
    fill(`b${i}`, 128, scale, 20 + i);
  });
  return module;
}

const rows = Array.from({ length: 200 }, (_, i) => seeded(i + 1).tensor("f32", [6]).data as Float32Array);
const data = dataSet({
  name: "rows",
  classes: 1,
  inputs: { x: { dtype: "f32", shape: [6] } },
  labels: new Uint8Array(rows.length),
  write: (index, out, row) => out.x?.set(rows[index] ?? [], row * 6),
});

function outputs(module: Module): readonly number[] {
  const x = hostTensor("f32", [rows.length, 6], Float32Array.from(rows.flatMap((row) => [...row])));
  return toNumbers(interpret(module, registry, { x }).outputs.y as HostTensor);
}

const gone = (module: Module, name: string) => !mainFunction(module).ops.some(({ operands }) => operands.includes(name));

test("blocks: from the value that all ways meet at, of the same type, with layers between", () => {
  const module = residuals([0.1, 0.1, 0.1]);
  assert.equal(
    blocksOf(module, registry).map(({ constants }) => constants),
    [
      // The second layer of a block, from the block's input: what is left is twice the input.
      ["a0", "b0"],
      ["a0", "b0"],
      ["a1", "b1"],
      ["a1", "b1"],
      ["a2", "b2"],
      ["a2", "b2"],
    ],
  );
});

test("a block beside whose end the inside is used elsewhere keeps what is used", () => {
  const module = readBody(`  func @main(%x: tensor<Nx4xf32>) -> (y: tensor<Nx4xf32>) {
    %a = nn.linear(%x, @a, _)
    %b = nn.linear(%a, @b, _)
    %c = math.add(%b, %a)
    %y = math.relu(%c)
    return %y
  }
  const @a : tensor<4x4xf32> = splat 1.0
  const @b : tensor<4x4xf32> = splat 1.0`);
  const blocks = blocksOf(module, registry);
  assert.equal(
    blocks.map(({ constants }) => constants),
    [["a"], ["b"], ["b"]],
  );
  for (const block of blocks) {
    const after = bypass(module, registry, block);
    assert.equal(verifyModule(after, registry), []);
    assert.ok(mainFunction(after).ops.length < 4);
  }
});

for (const by of ["divergence", "cosine"]) {
  test(`the block that does nothing goes first, and nobody notices: ${by}`, async () => {
    const before = residuals([0.2, 0, 0.2]);
    const { module, records } = await run(before, `prune-layers{by=${by} repair=false}`, { data });
    assert.ok(gone(module, "a1") && gone(module, "b1") && !gone(module, "a0") && !gone(module, "a2"));
    assert.equal(outputs(module), outputs(before));
    assert.ok(Math.abs(records[0]?.rows[0]?.numbers?.score ?? 1) < 1e-6);
  });

  test(`the smallest of three goes, and threshold holds it back: ${by}`, async () => {
    const before = residuals([0.2, 0.3, 0.02]);
    const { module } = await run(before, `prune-layers{by=${by} repair=false}`, { data });
    assert.ok(gone(module, "a2") && !gone(module, "a0") && !gone(module, "a1"));
    const held = await run(before, `prune-layers{by=${by} threshold=0.000000001}`, { data });
    assert.is(held.module, before);
    assert.match(held.warnings[0] ?? "", /0 of 1 blocks are bypassed/);
  });
}

test("repair: the layers behind take back most of what the block did", async () => {
  const before = residuals([0.15, 0.05, 0.15]);
  const error = (module: Module) => {
    const [a, b] = [outputs(before), outputs(module)];
    return a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0) / a.reduce((sum, value) => sum + value * value, 0);
  };
  const plain = (await run(before, "prune-layers{count=2 repair=false}", { data })).module;
  const fixed = (await run(before, "prune-layers{count=2}", { data })).module;
  assert.ok(error(fixed) < error(plain) / 2, `${error(plain)} ${error(fixed)}`);
});

test("macs: blocks go until the share is reached; keep spares; errors", async () => {
  const before = residuals([0.2, 0.1, 0.2]);
  const { module, records } = await run(before, "prune-layers{macs=50% repair=false}", { data });
  // A block is 256 of the 840 multiply-accumulates.
  assert.is(records[0]?.rows.length, 2);
  assert.is(mainFunction(module).ops.length, 5);
  const kept = (await run(before, 'prune-layers{keep=["a1", "b2"] repair=false}', { data })).module;
  assert.ok(gone(kept, "a0"));
  assert.is((await run(before, "prune-layers{count=0}")).module, before);
  const codes: readonly (readonly [Module, string, string, boolean])[] = [
    [before, "prune-layers", "E0760", false],
    [before, "prune-layers{macs=95%}", "E0762", true],
    [oneLayer(normals(48), 8), "prune-layers", "E0761", true],
  ];
  for (const [given, pipeline, code, withData] of codes)
    assert.is((await failure(() => run(given, pipeline, withData ? { data } : {}))).code, code);
});

test.run();
