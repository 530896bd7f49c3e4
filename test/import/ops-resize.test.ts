/** @file Resize against ONNX Runtime: every mode in every coordinate, up and down, by scales and by sizes, where the ONNX operator tests have one case each. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importOnnx } from "../../compiler/import/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { createCoreRegistry, type HostTensor, toNumbers } from "../../ir-spec/index.ts";
import { ort, runOrt } from "../support/ort.ts";
import { needing } from "../support/skip.ts";
import { type Case, feedsOf, float, int, modelOf, of, random } from "./one-op.ts";

const oracle = needing(test, "ort", ort !== null);
const registry = createCoreRegistry();
const cases: Case[] = [];
const text = (string: string) => ({ string });
const x = random("f32", [1, 2, 5, 6]);

function add(
  attrs: NonNullable<Case["attrs"]>,
  size: { readonly scales?: readonly number[]; readonly sizes?: readonly number[] },
  input = x,
): void {
  const { scales, sizes } = size;
  const inputs = [input, null, scales ? of("f32", scales) : null, sizes ? of("i64", sizes) : null];
  while (inputs.at(-1) === null) inputs.pop();
  cases.push({ op: "Resize", inputs, attrs, opset: 19, fixed: [2, 3], outputs: [[input.dtype, 4]] });
}

const coordinates = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"];
for (const scales of [
  [1, 1, 1.6, 2],
  [1, 1, 0.6, 0.5],
  [1, 1, 3, 1],
]) {
  for (const coordinate of coordinates) {
    const by = { coordinate_transformation_mode: text(coordinate) };
    for (const rounding of ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
      add({ ...by, mode: text("nearest"), nearest_mode: text(rounding) }, { scales });
    add({ ...by, mode: text("linear") }, { scales });
    add({ ...by, mode: text("cubic") }, { scales });
    add({ ...by, mode: text("cubic"), cubic_coeff_a: float(-0.5), exclude_outside: int(1) }, { scales });
  }
}
for (const mode of ["linear", "cubic"]) {
  add({ mode: text(mode), antialias: int(1) }, { scales: [1, 1, 0.4, 0.3] });
  add({ mode: text(mode) }, { sizes: [1, 2, 9, 4] });
}
add({ mode: text("nearest") }, { sizes: [1, 2, 9, 4] });
add({ mode: text("nearest") }, { scales: [1, 1, 2, 2] }, random("u8", [1, 3, 4, 4]));
cases.push({ op: "Upsample", inputs: [x, of("f32", [1, 1, 2, 3])], attrs: { mode: text("nearest") }, opset: 9, fixed: [1] });
cases.push({ op: "Upsample", inputs: [x, of("f32", [1, 1, 2, 1.5])], attrs: { mode: text("linear") }, opset: 9, fixed: [1] });

cases.forEach((one, i) => {
  const what = `${one.op} ${i} ${JSON.stringify(one.attrs)} ${one.inputs.slice(1).map((t) => (t ? toNumbers(t).join() : "_"))}`;
  oracle(what, async () => {
    const model = modelOf(one);
    const { y0: want } = await runOrt(model, feedsOf(one));
    const { y0: got } = interpret(importOnnx(model, { registry }), registry, feedsOf(one)).outputs;
    assert.equal([got?.dtype, [...(got?.shape ?? [])]], [want?.dtype, [...(want?.shape ?? [])]]);
    const [a, b] = [toNumbers(got as HostTensor), toNumbers(want as HostTensor)];
    const size = Math.max(...b.map(Math.abs));
    b.forEach((value, k) => {
      assert.ok(Math.abs((a[k] as number) - value) <= 2e-6 * size, `[${k}] is ${a[k]}, ONNX Runtime has ${value}`);
    });
  });
});

test.run();
