/** @file Detection, deformable and transposed convolution, indices of pools and sampling against ONNX Runtime over grids of attributes, by the interpreter and by the wasm backend. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { createCoreRegistry, decodeTensor, encodeTensor, type HostTensor, type Module, toNumbers } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load, Tensor } from "../../runtime/index.ts";
import type { OnnxAttr } from "../support/onnx-writer.ts";
import { ort, runOrt } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";
import { type Case, feedsOf, float, int, modelOf, of, random } from "./one-op.ts";

const oracle = needing(test, "ort", ort !== null);
const registry = createCoreRegistry();
const text = (string: string): OnnxAttr => ({ string });
const ints = (values: readonly number[]): OnnxAttr => ({ ints: values });

type Outputs = Readonly<Record<string, HostTensor>>;

async function byWasm(module: Module, feeds: Outputs): Promise<Outputs> {
  const session = await load((await compile(module, { targets: ["wasm-simd"] })).bytes, { backends: [wasm()] });
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, Tensor.fromBytes(t.dtype, encodeTensor(t), t.shape)]));
  const outputs = await session.run(inputs);
  session.dispose();
  return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, decodeTensor(t.dtype, t.shape, t.bytes())]));
}

function compare(got: HostTensor | undefined, want: HostTensor | undefined, what: string): void {
  assert.ok(got && want, what);
  assert.equal([got.dtype, [...got.shape]], [want.dtype, [...want.shape]], what);
  const [a, b] = [toNumbers(got), toNumbers(want)];
  const size = want.dtype === "f32" ? Math.max(0, ...b.map(Math.abs)) : 0;
  b.forEach((value, i) => {
    const found = a[i] as number;
    if (!(found === value || Math.abs(found - value) <= 4e-6 * size))
      assert.unreachable(`${what}: [${i}] is ${found}, ONNX Runtime has ${value}`);
  });
}

function check(one: Case): void {
  const { op, attrs = {}, opset, note = "" } = one;
  oracle(`${op} ${opset ?? ""} ${note} ${JSON.stringify(attrs)}`, async () => {
    const [model, feeds] = [modelOf(one), feedsOf(one)];
    const want = await runOrt(model, feeds);
    const module = importOnnx(model, { registry });
    const [own, fast] = [interpret(module, registry, feeds).outputs, await byWasm(module, feeds)];
    for (const name of Object.keys(want)) {
      compare(own[name], want[name], `${name} by the interpreter`);
      compare(fast[name], want[name], `${name} by wasm`);
    }
  });
}

/** Numbers of a range that engines do not put on the edge of a pixel. */
function between(low: number, high: number, shape: readonly number[], seed: number): HostTensor {
  const draw = seeded(seed);
  const count = shape.reduce((n, d) => n * d, 1);
  return of(
    "f32",
    Array.from({ length: count }, () => low + (high - low) * draw.unit()),
    shape,
  );
}

// Suppression: overlapping boxes, scores with equals, thresholds as scalars and lists.
const scores = between(0, 8, [2, 3, 30], 5);
scores.data.forEach((v, i) => {
  scores.data[i] = Math.floor(Number(v)) / 8;
});
for (const center of [0, 1]) {
  const boxes = between(0, 1, [2, 30, 4], 4 + center);
  for (const [most, iou, least] of [
    [3, 0.3, 0.25],
    [30, 0.1, null],
    [30, 0.6, 0.5],
    [0, 0.5, 0.1],
    [2, null, null],
    [null, null, null],
  ] as const) {
    // biome-ignore format: one line
    const inputs = [boxes, scores, most === null ? null : of("i64", [most]), iou === null ? null : of("f32", [iou]), least === null ? null : of("f32", [least])]; // biome-ignore format: one line
    while (inputs.at(-1) === null) inputs.pop();
    check({
      op: "NonMaxSuppression",
      inputs,
      attrs: { center_point_box: int(center) },
      opset: 11,
      outputs: [["i64", 2]],
      note: `${most} ${iou} ${least}`,
    });
  }
}

// Regions: some of them beyond the picture.
const rois = between(-3, 26, [6, 4], 6);
for (let r = 0; r < 6; r++) for (const k of [0, 1]) if (r !== 2) rois.data[4 * r + 2 + k] = Number(rois.data[4 * r + k]) + 1 + 3 * r;
const picture = random("f32", [2, 3, 11, 13]);
for (const mode of ["avg", "max"]) {
  for (const sampling of [0, 2, 3]) {
    for (const coordinate of ["half_pixel", "output_half_pixel"]) {
      const attrs = {
        mode: text(mode),
        sampling_ratio: int(sampling),
        spatial_scale: float(0.45),
        output_height: int(3),
        output_width: int(2),
        coordinate_transformation_mode: text(coordinate),
      };
      check({ op: "RoiAlign", inputs: [picture, rois, of("i64", [0, 1, 1, 0, 1, 0])], attrs, opset: 16 });
    }
  }
}
check({
  op: "RoiAlign",
  inputs: [picture, rois, of("i64", [0, 1, 1, 0, 1, 0])],
  attrs: { output_height: int(2), output_width: int(2) },
  opset: 10,
});

// Deformable convolutions: offsets up to three pixels, groups of channels and of offsets, with and without masks.
for (const [group, offsetGroup, stride, dilation, masked] of [
  [1, 1, 1, 1, false],
  [2, 1, 2, 1, true],
  [1, 2, 1, 2, true],
  [2, 4, 2, 2, false],
] as const) {
  // biome-ignore format: one line
  const [height, width] = [Math.floor((8 - 2 * dilation - 1) / stride) + 1, Math.floor((9 - dilation - 1) / stride) + 1];
  const shape = (channels: number) => [2, channels, height, width];
  const inputs = [
    random("f32", [2, 4, 7, 8]),
    random("f32", [6, 4 / group, 3, 2], 2),
    between(-3, 3, shape(offsetGroup * 12), 3),
    masked ? random("f32", [6], 8) : null,
    masked ? random("f32", shape(offsetGroup * 6), 4) : null,
  ];
  while (inputs.at(-1) === null) inputs.pop();
  const attrs = {
    group: int(group),
    offset_group: int(offsetGroup),
    kernel_shape: ints([3, 2]),
    strides: ints([stride, stride]),
    dilations: ints([dilation, dilation]),
    pads: ints([1, 0, 0, 1]),
  };
  check({ op: "DeformConv", inputs, attrs, opset: 19 });
}

// Indices of pools, and back.
const planes = random("f32", [2, 3, 7, 9]);
for (const order of [0, 1]) {
  for (const [kernel, strides, pads, dilations, ceil] of [
    [[2, 2], [2, 2], [0, 0, 0, 0], [1, 1], 0],
    [[3, 2], [2, 3], [1, 0, 1, 1], [1, 1], 1],
    [[3, 3], [1, 2], [0, 0, 0, 0], [2, 1], 0],
  ] as const) {
    // biome-ignore format: one line
    const attrs = { kernel_shape: ints(kernel), strides: ints(strides), pads: ints(pads), dilations: ints(dilations), ceil_mode: int(ceil), storage_order: int(order) };
    check({ op: "MaxPool", inputs: [planes], attrs, opset: 12, outputs: [["f32", 4], ["i64", 4]] }); // biome-ignore format: one line
  }
}
check({ op: "MaxPool", inputs: [random("f32", [2, 3, 9])], attrs: { kernel_shape: ints([3]), strides: ints([2]) }, opset: 12, outputs: [["f32", 3], ["i64", 3]] }); // biome-ignore format: one line
check({ op: "MaxPool", inputs: [random("f32", [2, 2, 4, 5, 6])], attrs: { kernel_shape: ints([2, 3, 2]), strides: ints([2, 1, 2]) }, opset: 12, outputs: [["f32", 5], ["i64", 5]] }); // biome-ignore format: one line
const unpooled = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
check({ op: "MaxUnpool", inputs: [random("f32", [1, 1, 2, 2]), of("i64", [5, 7, 13, 15], [1, 1, 2, 2])], attrs: unpooled, opset: 11 });
check({ op: "MaxUnpool", inputs: [random("f32", [2, 2, 2, 3]), of("i64", Array.from({ length: 24 }, (_, i) => 4 * i + (i % 2)), [2, 2, 2, 3])], attrs: unpooled, opset: 11 }); // biome-ignore format: one line

// Determinants.
for (const shape of [[3, 3], [2, 5, 4, 4], [3, 1, 1]]) check({ op: "Det", inputs: [random("f32", shape)], opset: 11, outputs: [["f32", shape.length - 2]] }); // biome-ignore format: one line

// Transposed convolutions over one to three axes.
for (const [size, kernel, attrs] of [
  [[5, 6], [2, 2], { strides: ints([2, 2]) }],
  [[5, 6], [3, 3], { strides: ints([2, 3]), pads: ints([1, 0, 1, 2]), output_padding: ints([1, 2]) }],
  [[5, 6], [3, 2], { dilations: ints([2, 3]), pads: ints([1, 1, 0, 0]) }],
  [[4, 4], [3, 3], { strides: ints([2, 2]), output_shape: ints([8, 9]), output_padding: ints([0, 1]) }],
  [[4, 5], [3, 3], { strides: ints([2, 2]), auto_pad: text("SAME_UPPER") }],
  [[4, 5], [4, 3], { strides: ints([3, 2]), auto_pad: text("SAME_LOWER") }],
  [[9], [4], { strides: ints([3]), pads: ints([2, 0]) }],
  [[3, 4, 5], [2, 3, 2], { strides: ints([2, 1, 2]), pads: ints([0, 1, 1, 1, 0, 0]) }],
] as const) {
  for (const group of [1, 2]) {
    const inputs = [random("f32", [2, 4, ...size]), random("f32", [4, 3, ...kernel], 2), random("f32", [3 * group], 3)];
    check({ op: "ConvTranspose", inputs, attrs: { ...attrs, group: int(group) }, opset: 11, note: size.join("x") });
  }
}

// Sampling at positions of which some lie outside.
const grids = [between(-1.4, 1.4, [2, 4, 5, 2], 7), between(-1.4, 1.4, [2, 2, 3, 4, 3], 8)] as const;
for (const corners of [0, 1]) {
  for (const padding of ["zeros", "border", "reflection"]) {
    const attrs = { align_corners: int(corners), padding_mode: text(padding) };
    for (const mode of ["linear", "nearest", "cubic"])
      check({ op: "GridSample", inputs: [random("f32", [2, 3, 6, 7]), grids[0]], attrs: { ...attrs, mode: text(mode) }, opset: 20 });
    for (const mode of ["linear", "nearest"])
      check({
        op: "GridSample",
        inputs: [random("f32", [2, 2, 4, 3, 5]), grids[1]],
        attrs: { ...attrs, mode: text(mode) },
        opset: 20,
        note: "3-D",
      });
  }
  check({ op: "AffineGrid", inputs: [random("f32", [2, 2, 3]), of("i64", [2, 3, 4, 5])], attrs: { align_corners: int(corners) }, opset: 20, fixed: [1], outputs: [["f32", 4]] }); // biome-ignore format: one line
}

test.run();
