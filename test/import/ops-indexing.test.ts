/**
 * @file Operators that index, select, repeat and lay out, against ONNX Runtime, where the ONNX operator tests have too few forms: every attribute, dtypes, negative axes and indices, values that
 * are initializers (computed while importing) and inputs (found out by a run). Each also runs on wasm.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { createCoreRegistry, type DType, type HostTensor, TersorError } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load } from "../../runtime/index.ts";
import { onnxModel } from "../support/onnx-writer.ts";
import { toHost, toTensor } from "../support/op-module.ts";
import { ort, runOrt } from "../support/ort.ts";
import { needing } from "../support/skip.ts";
import { assertSame, type Case, feedsOf, float, int, modelOf, of, random } from "./one-op.ts";

const oracle = needing(test, "ort", ort !== null);
const registry = createCoreRegistry();
const cases: Case[] = [];
const text = (string: string) => ({ string });
const ints = (...values: readonly number[]) => ({ ints: values });
const i64 = (...values: readonly (number | bigint)[]) => of("i64", values);

/** With the inputs in `values` as initializers, and as inputs that only a run tells. */
function add(op: string, inputs: Case["inputs"], rest: Omit<Case, "op" | "inputs"> = {}, values: readonly number[] = []): void {
  cases.push({ op, inputs, ...rest });
  if (values.length > 0) cases.push({ op, inputs, ...rest, fixed: values, note: `${rest.note ?? ""} known` });
}

const x = random("f32", [3, 4, 5]);
const dtypes: readonly DType[] = ["f32", "i64", "i32", "i8", "u8"];

for (const axis of [0, 1, -1]) {
  const size = x.shape[axis < 0 ? axis + 3 : axis] as number;
  const indices = of(
    "i64",
    Array.from({ length: 12 }, (_, i) => ((i * 7) % (2 * size)) - size),
    [2, 3, 2],
  );
  add("GatherElements", [x, indices], { attrs: { axis: int(axis) } });
  for (const reduction of ["none", "add", "mul", "min", "max"]) {
    // ONNX Runtime may write equal indices in any order: without a reduction there are none.
    const places = reduction === "none" ? of("i64", [0, 1, 1, 0, 0, 1, 1, 0], axis === 0 ? [2, 2, 2] : [2, 2, 2]) : indices;
    const attrs = { axis: int(axis), reduction: text(reduction) };
    if (reduction === "none" && axis !== 1) continue;
    add("ScatterElements", [x, places, random("f32", places.shape, 2)], { attrs, opset: 18 });
  }
}
add("Scatter", [x, of("i64", [0, 2], [1, 1, 2]), random("f32", [1, 1, 2], 3)], { attrs: { axis: int(2) }, opset: 9 });
for (const dtype of ["f32", "i32", "i64", "u8"] as const)
  add("ScatterElements", [random(dtype, [4]), i64(1, -1, 1), random(dtype, [3], 2)], { attrs: { reduction: text("add") }, opset: 18 });

add("GatherND", [x, of("i64", [0, 1, -1, 3, 2, 0], [3, 2])]);
add("GatherND", [x, of("i64", [0, 1, -4, 3, 2, 0], [3, 2, 1])], { attrs: { batch_dims: int(1) }, outputs: [["f32", 3]] });
for (const reduction of ["none", "add", "mul", "min", "max"])
  add("ScatterND", [x, of("i64", [0, 1, 2, -1], [2, 2]), random("f32", [2, 5], 4)], { attrs: { reduction: text(reduction) }, opset: 18 });

for (const dtype of dtypes) {
  for (const largest of [1, 0])
    add("TopK", [random(dtype, [3, 9, 2], 5), i64(4)], { attrs: { axis: int(1), largest: int(largest) }, fixed: [1], outputs: [[dtype, 3], ["i64", 3]] }); // biome-ignore format: one case a line
}
add("TopK", [x], { attrs: { k: int(2), axis: int(-2) }, opset: 9, outputs: [["f32", 3], ["i64", 3]] }); // biome-ignore format: one case a line

for (const dtype of ["f32", "i64", "bool", "u8", "i32"] as const) add("NonZero", [of(dtype, [0, 1, 0, 2, 3, 0].map((v) => (dtype === "bool" ? Math.min(v, 1) : v)), [2, 3])], { outputs: [["i64", 2]] }, [0]); // biome-ignore format: one case a line
add("Compress", [x, of("bool", [0, 1, 1, 0])], { attrs: { axis: int(1) } }, [1]);
add("Compress", [x, of("bool", [0, 1, 1])], { attrs: { axis: int(-1) } }, [1]);
add("Compress", [x, of("bool", [1, 0, 1, 1, 0, 0, 1])], { outputs: [["f32", 1]] }, [1]);

const repeated = of("f32", [3, 1, 3, 2, 1, 1, 3, 1, 3, 0, 5, 0], [3, 4]);
const found = (dtype: DType, rank: number): NonNullable<Case["outputs"]> => [[dtype, rank], ["i64", 1], ["i64", 1], ["i64", 1]]; // biome-ignore format: one line
for (const sorted of [0, 1]) {
  add("Unique", [repeated], { attrs: { sorted: int(sorted) }, outputs: found("f32", 1) }, [0]);
  for (const axis of [0, 1]) add("Unique", [repeated], { attrs: { sorted: int(sorted), axis: int(axis) }, outputs: found("f32", 2) }, [0]);
  add("Unique", [of("i64", [5, 2n ** 60n, 5, -1])], { attrs: { sorted: int(sorted) }, outputs: found("i64", 1) });
}

for (const axis of [0, 1, -1, -2])
  add(
    "OneHot",
    [of("i64", [0, 3, -1, 9, -5, 2], [2, 3]), i64(4), of("f32", [-1, 5])],
    { attrs: { axis: int(axis) }, outputs: [["f32", 3]] },
    [1],
  );
add("OneHot", [of("f32", [0, 3]), of("f32", [4], []), of("f32", [-2, 1])], { outputs: [["f32", 2]] }, [1]);

for (const upper of [0, 1]) {
  for (const k of [-2, 0, 1, 9]) add("Trilu", [x, of("i64", [k], [])], { attrs: { upper: int(upper) } }, [1]);
  add("Trilu", [random("i64", [4, 3])], { attrs: { upper: int(upper) } });
}
for (const k of [0, 1, -2]) add("EyeLike", [random("f32", [3, 4])], { attrs: { k: int(k) } });
add("EyeLike", [random("i32", [3, 3])], { attrs: { dtype: int(1) }, outputs: [["f32", 2]] });

for (const dtype of ["f32", "i64", "u8"] as const) add("Tile", [random(dtype, [2, 1, 3]), i64(2, 3, 2)], { fixed: [1] });
add("Tile", [x, i64(1, 0, 1)], { fixed: [1] });
for (const [batch, time] of [
  [1, 0],
  [0, 1],
] as const)
  add("ReverseSequence", [x, batch === 0 ? i64(1, 4, 2) : i64(3, 1, 2, 1)], { attrs: { batch_axis: int(batch), time_axis: int(time) } });

add("CenterCropPad", [x, i64(2, 7)], { attrs: { axes: ints(-1, 1) }, opset: 18, fixed: [1] });
add("Col2Im", [random("f32", [2, 12, 8]), i64(4, 5), i64(2, 3)], { attrs: { pads: ints(0, 1, 1, 0), strides: ints(1, 2) }, fixed: [1, 2], opset: 18, outputs: [["f32", 4]] }); // biome-ignore format: one line

for (const mode of ["constant", "reflect", "edge", "wrap"]) {
  const attrs = { mode: text(mode) };
  add("Pad", [x, i64(1, 2, 0, 0, 1, 3)], { attrs, opset: 19, fixed: [1] });
  add("Pad", [x, i64(-1, 2, -2, 1), null, i64(-1, 0)], { attrs, opset: 19, fixed: [1, 3] });
}
add("Pad", [x, i64(1, 0, 0, 0, 1, 0), of("f32", [2.5], [])], { fixed: [1] }, [1, 2]);
add("Pad", [random("i64", [2]), i64(1, 1), of("i64", [2n ** 60n], [])], { fixed: [1] }, [1, 2]);
add("Pad", [x], { attrs: { mode: text("edge"), pads: ints(0, 0, 2, 1, 0, 0) }, opset: 2 });

const wide = random("f32", [4, 6]);
add("Split", [wide], { attrs: { axis: int(1), split: ints(1, 5) }, opset: 2, outputs: [["f32", 2], ["f32", 2]] }); // biome-ignore format: one line
add("Split", [wide, i64(1, 3)], { fixed: [1], outputs: [["f32", 2], ["f32", 2]] }); // biome-ignore format: one line
add("Split", [random("f32", [4, 7])], { attrs: { axis: int(-1), num_outputs: int(3) }, opset: 18, outputs: [["f32", 2], ["f32", 2], ["f32", 2]] }); // biome-ignore format: one line

add("Range", [of("f32", [1], []), of("f32", [3], []), of("f32", [0.3], [])], { outputs: [["f32", 1]] }, [0, 1, 2]);
add("Range", [of("i64", [9], []), of("i64", [2], []), of("i64", [-2], [])], { outputs: [["i64", 1]] }, [0, 1, 2]);
add("Range", [of("i32", [2], []), of("i32", [2], []), of("i32", [1], [])], { outputs: [["i32", 1]] }, [0, 1, 2]);

add("Reshape", [x, i64(0, -1, 2)], {}, [1]);
add("Reshape", [random("f32", [0, 3]), i64(3, 0)], { attrs: { allowzero: int(1) }, fixed: [1] });
add("Expand", [random("f32", [3, 1]), i64(2, 1, 4)], { outputs: [["f32", 3]] }, [1]);
add("ConstantOfShape", [i64(2, 3)], { outputs: [["f32", 2]] }, [0]);
add("Slice", [x, i64(1, -1), i64(3, -9), i64(1, 2), i64(1, -2)], { fixed: [3] }, [1, 2, 3, 4]);
add("Slice", [x, of("i32", [-2]), of("i32", [2 ** 31 - 1])], {}, [1, 2]);

const words = of("i64", [1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8], [2, 6]);
for (const mode of ["TF", "IDF", "TFIDF"]) {
  const attrs = {
    mode: text(mode),
    min_gram_length: int(1),
    max_gram_length: int(2),
    max_skip_count: int(3),
    ngram_counts: ints(0, 4),
    ngram_indexes: ints(0, 1, 2, 3, 4, 5, 8),
    pool_int64s: ints(2, 3, 5, 4, 5, 6, 7, 8, 6, 7),
    weights: { floats: [0.5, 2, 3, 1, 0.25, 7, 1.5] },
  };
  add("TfIdfVectorizer", [words], { attrs, outputs: [["f32", 2]] });
}

async function onWasm(model: Uint8Array, feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>> {
  const { bytes } = await compile(importOnnx(model, { registry }), { targets: ["wasm-simd"] });
  const session = await load(bytes, { backends: [wasm()] });
  const outputs = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toTensor(tensor)])));
  session.dispose();
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, toHost(tensor)]));
}

cases.forEach((one, i) => {
  const what = `${i}: ${one.op}${one.note ?? ""} ${one.inputs[0]?.dtype}[${one.inputs[0]?.shape}] ${JSON.stringify(one.attrs ?? {})}`;
  oracle(what, async () => {
    const model = modelOf(one);
    const want = await runOrt(model, feedsOf(one));
    const got = interpret(importOnnx(model, { registry }), registry, feedsOf(one)).outputs;
    const fast = await onWasm(model, feedsOf(one));
    for (const [name, tensor] of Object.entries(want)) {
      assertSame(got[name] as HostTensor, tensor, `${what}, ${name}`);
      assertSame(fast[name] as HostTensor, tensor, `${what}, ${name} on wasm`);
    }
  });
});

oracle("TensorScatter, linear and circular, on caches of three and four axes", async () => {
  // ONNX Runtime 1.30 has no TensorScatter in every build: the rule by hand.
  const rule = (cache: HostTensor, update: HostTensor, starts: readonly number[], circular: boolean) => {
    const [, length = 1, inner = 1] = cache.shape;
    const y = Float32Array.from(cache.data as Float32Array);
    const [, steps = 1] = update.shape;
    starts.forEach((start, b) => {
      for (let s = 0; s < steps; s++) {
        const at = circular ? (start + s) % length : start + s;
        for (let i = 0; i < inner; i++) y[(b * length + at) * inner + i] = update.data[(b * steps + s) * inner + i] as number;
      }
    });
    return [...y];
  };
  for (const mode of ["linear", "circular"]) {
    const one: Case = {
      op: "TensorScatter",
      inputs: [random("f32", [2, 5, 3]), random("f32", [2, 2, 3], 2), i64(3, mode === "circular" ? 4 : 0)],
      attrs: { mode: text(mode) },
      opset: 24,
    };
    const [cache, update] = one.inputs as readonly [HostTensor, HostTensor];
    const wanted = rule(cache, update, [3, mode === "circular" ? 4 : 0], mode === "circular");
    assert.equal([...(interpret(importOnnx(modelOf(one), { registry }), registry, feedsOf(one)).outputs.y0?.data ?? [])], wanted);
    assert.equal([...((await onWasm(modelOf(one), feedsOf(one))).y0?.data ?? [])], wanted);
  }
});

test("sizes that inputs tell are data: as an output, in arithmetic, and counted in a range", async () => {
  const model = onnxModel({
    opset: 21,
    nodes: [
      { op: "Shape", inputs: ["x"], outputs: ["sizes"] },
      { op: "Cast", inputs: ["sizes"], outputs: ["floats"], attrs: { to: int(1) } },
      { op: "Size", inputs: ["x"], outputs: ["count"] },
      { op: "Range", inputs: ["zero", "count", "two"], outputs: ["even"] },
    ],
    inputs: [{ name: "x", dtype: "f32", shape: ["n", 3] }],
    outputs: [
      { name: "sizes", dtype: "i64", shape: [2] },
      { name: "floats", dtype: "f32", shape: [2] },
      { name: "even", dtype: "i64", shape: ["m"] },
    ],
    initializers: { zero: of("i64", [0], []), two: of("i64", [2], []) },
  });
  for (const n of [4, 1]) {
    const feeds = { x: random("f32", [n, 3]) };
    const even = Array.from({ length: Math.ceil((3 * n) / 2) }, (_, i) => 2 * i);
    for (const got of [interpret(importOnnx(model, { registry }), registry, feeds).outputs, await onWasm(model, feeds)]) {
      assert.equal(Array.from(got.sizes?.data ?? [], Number), [n, 3]);
      assert.equal(Array.from(got.floats?.data ?? [], Number), [n, 3]);
      assert.equal(Array.from(got.even?.data ?? [], Number), even);
    }
  }
});

test("a size that only a run tells is a symbol of its own", () => {
  const main = importOnnx(modelOf({ op: "NonZero", inputs: [x], outputs: [["i64", 2]] }), { registry }).functions.get("main");
  assert.match(JSON.stringify(main?.results[0]?.type.shape), /"K"/);
});

test("what cannot be had is refused with a code", () => {
  const refusal = (one: Case): string => {
    try {
      importOnnx(modelOf(one), { registry });
    } catch (error) {
      if (error instanceof TersorError) return error.problems.map((p) => `${p.code} ${p.message}`).join("\n");
      throw error;
    }
    return "";
  };
  assert.match(refusal({ op: "TopK", inputs: [x, i64(2)], outputs: [["f32", 3], ["i64", 3]] }), /E0608 k is not known/); // biome-ignore format: one line
  assert.match(refusal({ op: "TopK", inputs: [x, i64(6)], fixed: [1], outputs: [["f32", 3], ["i64", 3]] }), /E0312 .*k is 6, axis 2 has 5/); // biome-ignore format: one line
  assert.match(refusal({ op: "ReverseSequence", inputs: [x, i64(1)], attrs: { batch_axis: int(2) } }), /E0606 batch_axis 2/);
  assert.match(refusal({ op: "EyeLike", inputs: [x], attrs: { k: int(0) } }), /E0606 the input must be a matrix/);
  assert.match(refusal({ op: "Pad", inputs: [x, i64(1, 1)], fixed: [1] }), /E0606 2 paddings are given for 3 axes/);
  assert.match(refusal({ op: "ScatterElements", inputs: [x, of("i64", [0], [1]), x] }), /E0312 .*have rank 1, x has rank 3/);
  assert.match(refusal({ op: "Pad", inputs: [x], attrs: { value: float(1) } }), /E0606 input 1 is missing/);
});

test.run();
