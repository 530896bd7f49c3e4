/**
 * @file Damaged and hostile files. Any change of any byte is refused; with the checksums made right again, a file ends in an error with a code or in a session that runs,
 * soon, and never in another exception.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeFile } from "../../compiler/emit/describe-file.ts";
import { emitFile } from "../../compiler/emit/emit.ts";
import { readSource } from "../../compiler/emit/read-source.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { elementCount, load, openFile, type PortInfo, RuntimeError, Tensor } from "../../runtime/index.ts";
import { FakeBackend } from "../runtime/fake-backend.ts";
import { damageHeader, damageMetadata, damageSection, extended, replaceNumber } from "./corrupt.ts";
import { everythingModule, smallModule, smallPlan } from "./fixtures.ts";

const build = {
  tersor: "0.1.0",
  pipeline: "share{clusters=4}",
  plugins: [{ name: "share", version: "1" }],
  modelSha256: "0123456789abcdef",
};
const preprocessing = { scale: 0.5, mean: [1, 2] };
const plans = [{ target: "fake", module: smallPlan() }];
const packed = emitFile({ source: smallModule(), plans, build, preprocessing });
const plain = emitFile({ source: smallModule(), plans, build, preprocessing, metadata: "plain" });

/** The code of the RuntimeError that opening ends in; fails the test for any other exception. */
function refusal(bytes: Uint8Array, what: string): string | null {
  try {
    openFile(bytes);
    return null;
  } catch (error) {
    assert.instance(error, RuntimeError, `${what}: ${error instanceof Error ? error.stack : error}`);
    return (error as RuntimeError).code;
  }
}

test("every flip of a byte is refused", () => {
  for (const file of [packed, plain]) {
    for (let at = 0; at < file.length; at++) {
      for (const mask of file === plain ? [1, 2, 4, 8, 16, 32, 64, 128, 255] : [1 << (at & 7), 255]) {
        const bytes = file.slice();
        bytes[at] = (bytes[at] as number) ^ mask;
        assert.ok(refusal(bytes, `byte ${at}`)?.startsWith("R01"), `byte ${at} ^ ${mask} was accepted`);
      }
    }
  }
});

test("every truncation and every extension is refused", () => {
  for (const file of [packed, plain]) {
    for (let length = 0; length < file.length; length++)
      assert.ok(refusal(file.slice(0, length), `${length} bytes`), `${length} bytes were accepted`);
    assert.is(refusal(Uint8Array.from([...file, 0]), "one byte more"), "R0104");
    assert.is(refusal(extended(file, 16), "16 bytes more, counted"), "R0108");
  }
});

test("each kind of damage has its code", () => {
  const at = (index: number, value: number) => {
    const bytes = packed.slice();
    bytes[index] = value;
    return refusal(bytes, "");
  };
  assert.is(at(0, 0), "R0101");
  assert.is(at(9, 7), "R0103");
  assert.is(at(48, (packed[48] as number) ^ 1), "R0105");
  assert.is(at(packed.length - 1, (packed[packed.length - 1] as number) ^ 1), "R0107");
  const description = describeFile(packed);
  const gap = 48 + description.metadata.storedBytes;
  assert.ok(description.paddingBytes > 0, "the file needs padding for this test");
  assert.is(at(gap, 1), "R0108");
});

/** Inputs for a session, symbols as 2; null when that would be large. */
function someInputs(ports: Readonly<Record<string, PortInfo>>): Record<string, Tensor> | null {
  const inputs: Record<string, Tensor> = {};
  for (const [name, { dtype, shape }] of Object.entries(ports)) {
    const sizes = shape.map((size) => (typeof size === "number" ? size : 2));
    if (elementCount(sizes) > 10_000) return null;
    const bits = dtype === "f32" || dtype === "i32" || dtype === "u32" ? 32 : 64;
    inputs[name] = Tensor.fromBytes(
      dtype,
      new Uint8Array(bits === 32 ? 4 * elementCount(sizes) : Math.ceil(elementCount(sizes) * width(dtype))),
      sizes,
    );
  }
  return inputs;
}

const width = (dtype: string): number => (dtype === "bool" ? 1 : Number(dtype.replace(/^\D+/, "")) / 8);

/** Loads and runs on both backends. @returns codes of what was refused, or `ran` */
async function attempt(bytes: Uint8Array, what: string): Promise<string[]> {
  const outcomes: string[] = [];
  for (const backend of [new FakeBackend(), reference()]) {
    try {
      const session = await load(bytes, { backends: [backend] });
      const inputs = someInputs(session.inputs);
      if (inputs) await session.run(inputs);
      session.dispose();
      outcomes.push("ran");
    } catch (error) {
      assert.instance(error, RuntimeError, `${what}: ${error instanceof Error ? error.stack : error}`);
      outcomes.push((error as RuntimeError).code);
    }
  }
  return outcomes;
}

const damagers = { metadata: damageMetadata, header: damageHeader, section: damageSection };

test("2,000 damaged files with right checksums end in a coded error or run, quickly", async () => {
  const seen = new Map<string, number>();
  let slowest = 0;
  for (let seed = 0; seed < 2000; seed++) {
    const kind = seed % 20 === 0 ? "header" : seed % 10 === 1 ? "section" : "metadata";
    const bytes = damagers[kind](kind === "metadata" && seed % 4 === 2 ? packed : plain, seed);
    const started = performance.now();
    for (const outcome of await attempt(bytes, `seed ${seed} (${kind})`)) seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    slowest = Math.max(slowest, performance.now() - started);
  }
  const reached = ["R0102", "R0108", "R0201", "R0202", "R0203", "R0204", "R0205", "R0206", "R0207", "ran"];
  for (const code of reached) assert.ok(seen.has(code), `no damage led to ${code}: ${JSON.stringify([...seen])}`);
  assert.ok(slowest < 2000, `one took ${slowest} ms`);
});

test("a damaged source reads back as a module or ends in a coded error", () => {
  const file = emitFile({ source: everythingModule(), plans: [], build, metadata: "plain" });
  let read = 0;
  for (let seed = 0; seed < 1000; seed++) {
    try {
      readSource(damageMetadata(file, seed));
      read++;
    } catch (error) {
      assert.instance(error, RuntimeError, `seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  assert.ok(read > 50 && read < 950, `${read} of 1,000 were read`);
});

test("a few bytes that claim to be gigabytes are refused before anything is allocated", () => {
  const count = 1_000_003;
  const module = smallModule();
  const zeros = { kind: "data", name: "zeros", type: { dtype: "u8", shape: [count] }, doc: null, loc: [] } as const;
  const constants = new Map(module.constants).set("zeros", { ...zeros, storage: { kind: "splat", element: Uint8Array.of(0) } });
  const honest = emitFile({ source: { ...module, constants }, plans: [], build, metadata: "plain" });
  assert.is(refusal(honest, "honest"), null);
  assert.throws(() => openFile(honest, { maxExpandedBytes: 1000 }), /R0111.*the limit.*is 1000.*maxExpandedBytes/);
  assert.is(refusal(replaceNumber(honest, count, 2 ** 30), "a gigabyte"), "R0111");
  const wide = {
    ...zeros,
    name: "none",
    type: { dtype: "f64", shape: [0, count] },
    storage: { kind: "bytes", bytes: new Uint8Array(0) },
  } as const;
  const source = { ...module, constants: new Map(module.constants).set("none", wide) };
  const empty = emitFile({ source, plans: [], build, metadata: "plain" });
  assert.is(refusal(replaceNumber(empty, count, 2 ** 31 - 1), "no elements"), null);
});

test("values that no machine holds are refused", () => {
  const count = 1_000_003;
  const module = smallModule();
  const main = module.functions.get("main");
  assert.ok(main);
  const type = { dtype: "f32", shape: [count, 7] } as const;
  const wide = { ...main, values: [{ name: "x", type }], results: [{ name: "x", type }], returns: [0], ops: [] };
  const file = emitFile({ source: { ...module, functions: new Map([["main", wide]]) }, plans: [], build, metadata: "plain" });
  assert.is(refusal(file, "28 MB"), null);
  assert.is(refusal(replaceNumber(file, count, 2 ** 31 - 1), "60 GB"), "R0203");
});

test.run();
