/**
 * @file The reference functions of layers and quantization against ONNX Runtime, on random shapes and attributes. ONNX Runtime computes in f32, we in f64 with one
 * rounding: floats agree to 1e-5 of the largest magnitude, integers and exact ops fully.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DType } from "../../ir-spec/core/dtype.ts";
import { type HostTensor, toNumbers } from "../../ir-spec/core/tensor.ts";
import { writeAttrs } from "../../ir-spec/ops/attr-spec.ts";
import { evaluateOp } from "../../ir-spec/ops/evaluate.ts";
import { nnOps } from "../../ir-spec/ops/nn/index.ts";
import { quantOps } from "../../ir-spec/ops/quant/index.ts";
import { OpRegistry } from "../../ir-spec/ops/registry.ts";
import { type OnnxAttr, type OnnxNode, onnxModel } from "../support/onnx-writer.ts";
import { ort, runOrt } from "../support/ort.ts";
import { type Seeded, seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";

const registry = new OpRegistry([{ owner: "core", ops: [...nnOps, ...quantOps] }]);
const oracle = needing(test, "ort", ort !== null);

interface Comparison {
  readonly op: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly inputs: readonly (HostTensor | null)[];
  readonly onnx: string;
  readonly onnxAttrs?: Readonly<Record<string, OnnxAttr>>;
  readonly opset?: number;
}

/** Ours and ONNX Runtime's result of one op. Sub-byte integers pass as initializers and are cast to i8 or u8. */
async function both({
  op,
  attrs,
  inputs,
  onnx,
  onnxAttrs = {},
  opset = 21,
}: Comparison): Promise<{ ours: HostTensor; theirs: HostTensor }> {
  const [ours] = evaluateOp(registry, op, inputs, writeAttrs(registry.require(op).attrs, attrs));
  if (!ours) throw new Error(`${op} has no result`);
  const names = inputs.map((tensor, i) => (tensor ? `x${i}` : ""));
  const given = Object.fromEntries(inputs.flatMap((tensor, i) => (tensor ? [[`x${i}`, tensor] as const] : [])));
  const narrow = (dtype: DType) => dtype === "i4" || dtype === "u4";
  const fed = Object.fromEntries(Object.entries(given).filter(([, tensor]) => !narrow(tensor.dtype)));
  const fixed = Object.fromEntries(Object.entries(given).filter(([, tensor]) => narrow(tensor.dtype)));
  const cast: readonly OnnxNode[] = narrow(ours.dtype)
    ? [{ op: "Cast", inputs: ["y"], outputs: ["wide"], attrs: { to: { int: ours.dtype === "i4" ? 3 : 2 } } }]
    : [];
  const output =
    cast.length > 0 ? { name: "wide", dtype: ours.dtype === "i4" ? ("i8" as const) : ("u8" as const) } : { name: "y", dtype: ours.dtype };
  const model = onnxModel({
    nodes: [{ op: onnx, inputs: names, outputs: ["y"], attrs: onnxAttrs }, ...cast],
    inputs: Object.entries(fed).map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    outputs: [{ ...output, shape: ours.shape }],
    initializers: fixed,
    opset,
  });
  const theirs = (await runOrt(model, fed))[output.name];
  if (!theirs) throw new Error(`ONNX Runtime gave no ${output.name}`);
  return { ours, theirs };
}

/** Largest difference, relative to the largest magnitude (at least 1). */
async function compare(comparison: Comparison, tolerance: number): Promise<void> {
  const { ours, theirs } = await both(comparison);
  const what = `${comparison.op} ${JSON.stringify(comparison.attrs)} on ${comparison.inputs.map((t) => t && `${t.shape.join("x")}`).join(", ")}`;
  assert.equal(ours.shape, theirs.shape, what);
  const [a, b] = [toNumbers(ours), toNumbers(theirs)];
  const scale = b.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  a.forEach((v, i) => {
    const difference = Math.abs(v - (b[i] as number)) / scale;
    if (!(difference <= tolerance)) assert.unreachable(`${what}: element ${i} is ${v}, ONNX Runtime gives ${b[i]}`);
  });
}

const ints = (values: readonly number[]): OnnxAttr => ({ ints: values });
const flag = (value: boolean): OnnxAttr => ({ int: value ? 1 : 0 });

interface Windowed {
  readonly spatial: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly pad: readonly number[];
  readonly dilation: readonly number[];
}

/** Window attributes that fit: kernels up to 4, asymmetric pads smaller than the kernel. */
function windowed(random: Seeded, rank: number, dilated: boolean): Windowed {
  const axes = Array.from({ length: rank }, () => {
    const kernel = random.int(1, 4);
    const dilation = dilated ? random.int(1, 2) : 1;
    const reach = (kernel - 1) * dilation + 1;
    const [begin, end] = [random.int(0, kernel - 1), random.int(0, kernel - 1)];
    return { kernel, dilation, stride: random.int(1, 3), begin, end, size: Math.max(dilation, reach - begin - end) + random.int(0, 8) };
  });
  return {
    spatial: axes.map((a) => a.size),
    kernel: axes.map((a) => a.kernel),
    stride: axes.map((a) => a.stride),
    pad: [...axes.map((a) => a.begin), ...axes.map((a) => a.end)],
    dilation: axes.map((a) => a.dilation),
  };
}

oracle("nn.conv: 1 to 3 axes, groups, depthwise, strides, asymmetric pads, dilations, bias", async () => {
  const random = seeded(1);
  for (let i = 0; i < 90; i++) {
    const { spatial, kernel, stride, pad, dilation } = windowed(random, (i % 3) + 1, true);
    const groups = random.pick([1, 1, 2, 3]);
    const ins = i % 5 === 0 ? 1 : random.int(1, 3);
    const outs = random.int(1, 4) * groups;
    const inputs = [
      random.tensor("f32", [random.int(1, 2), ins * groups, ...spatial]),
      random.tensor("f32", [outs, ins, ...kernel]),
      random.pick([null, random.tensor("f32", [outs])]),
    ];
    const onnxAttrs = {
      kernel_shape: ints(kernel),
      strides: ints(stride),
      pads: ints(pad),
      dilations: ints(dilation),
      group: { int: groups },
    };
    await compare({ op: "nn.conv", attrs: { stride, pad, dilation, groups }, inputs, onnx: "Conv", onnxAttrs }, 1e-5);
  }
});

oracle("nn.conv_input_grad is ConvTranspose", async () => {
  const random = seeded(2);
  let compared = 0;
  for (let i = 0; i < 40; i++) {
    const { spatial, kernel, stride, pad, dilation } = windowed(random, (i % 2) + 1, true);
    const groups = random.pick([1, 2]);
    const [ins, outs] = [random.int(1, 3), random.int(1, 3) * groups];
    const weight = random.tensor("f32", [outs, ins, ...kernel]);
    const made = spatial.map(
      (n, a) => Math.floor((n + at(pad, a) + at(pad, a + spatial.length) - (at(kernel, a) - 1) * at(dilation, a) - 1) / at(stride, a)) + 1,
    );
    const extra = spatial.map(
      (n, a) =>
        n -
        ((made[a] as number) - 1) * at(stride, a) -
        (at(kernel, a) - 1) * at(dilation, a) -
        1 +
        at(pad, a) +
        at(pad, a + spatial.length),
    );
    const dy = random.tensor("f32", [2, outs, ...made]);
    const onnxAttrs = {
      strides: ints(stride),
      pads: ints(pad),
      dilations: ints(dilation),
      group: { int: groups },
      output_padding: ints(extra),
    };
    if (extra.some((n, a) => n >= Math.max(at(stride, a), at(dilation, a)))) continue;
    compared++;
    await compare(
      {
        op: "nn.conv_input_grad",
        attrs: { spatial, stride, pad, dilation, groups },
        inputs: [dy, weight],
        onnx: "ConvTranspose",
        onnxAttrs,
      },
      1e-5,
    );
  }
  assert.ok(compared > 25, `${compared} compared`);
});

function at(values: readonly number[], i: number): number {
  const value = values[i];
  if (value === undefined) throw new RangeError(`no entry ${i}`);
  return value;
}

oracle("nn.max_pool: pads, dilations, ceil", async () => {
  const random = seeded(3);
  for (let i = 0; i < 60; i++) {
    const { spatial, kernel, stride, pad, dilation } = windowed(random, (i % 3) + 1, true);
    const ceil = i % 2 === 0;
    const inputs = [random.tensor("f32", [2, 3, ...spatial])];
    const onnxAttrs = {
      kernel_shape: ints(kernel),
      strides: ints(stride),
      pads: ints(pad),
      dilations: ints(dilation),
      ceil_mode: flag(ceil),
    };
    await compare({ op: "nn.max_pool", attrs: { kernel, stride, pad, dilation, ceil }, inputs, onnx: "MaxPool", onnxAttrs }, 0);
  }
});

oracle("nn.avg_pool: pads, ceil, padding counted or not", async () => {
  const random = seeded(4);
  for (let i = 0; i < 80; i++) {
    const { spatial, kernel, stride, pad } = windowed(random, (i % 3) + 1, false);
    const [ceil, count_pad] = [random.pick([true, false]), random.pick([true, false])];
    const inputs = [random.tensor("f32", [2, 3, ...spatial])];
    const onnxAttrs = {
      kernel_shape: ints(kernel),
      strides: ints(stride),
      pads: ints(pad),
      ceil_mode: flag(ceil),
      count_include_pad: flag(count_pad),
    };
    await compare({ op: "nn.avg_pool", attrs: { kernel, stride, pad, ceil, count_pad }, inputs, onnx: "AveragePool", onnxAttrs }, 1e-5);
  }
});

oracle("nn.matmul: rank 1 to 4, broadcast leading axes", async () => {
  const random = seeded(5);
  const shapes: readonly (readonly [readonly number[], readonly number[]])[] = [
    [[5], [5]],
    [[5], [5, 3]],
    [[4, 5], [5]],
    [
      [4, 5],
      [5, 3],
    ],
    [
      [2, 4, 5],
      [5, 3],
    ],
    [
      [4, 5],
      [2, 5, 3],
    ],
    [[5], [2, 5, 3]],
    [[2, 4, 5], [5]],
    [
      [2, 1, 4, 5],
      [3, 5, 3],
    ],
    [
      [1, 3, 4, 5],
      [2, 1, 5, 7],
    ],
    [
      [2, 3, 9, 64],
      [2, 3, 64, 11],
    ],
  ];
  for (const [a, b] of shapes) {
    await compare({ op: "nn.matmul", attrs: {}, inputs: [random.tensor("f32", a), random.tensor("f32", b)], onnx: "MatMul" }, 1e-5);
  }
});

oracle("nn.linear is Gemm with transB", async () => {
  const random = seeded(6);
  for (const [rows, ins, outs] of [
    [1, 1, 1],
    [1, 300, 10],
    [7, 33, 5],
    [16, 64, 31],
  ] as const) {
    const inputs = [
      random.tensor("f32", [rows, ins]),
      random.tensor("f32", [outs, ins]),
      random.pick([null, random.tensor("f32", [outs])]),
    ];
    await compare({ op: "nn.linear", attrs: {}, inputs, onnx: "Gemm", onnxAttrs: { transB: { int: 1 } } }, 1e-5);
  }
});

oracle("nn.batch_norm", async () => {
  const random = seeded(7);
  for (const spatial of [[], [9], [5, 4], [2, 3, 4]]) {
    const vector = () => random.tensor("f32", [6]);
    const variance = { ...vector(), data: Float32Array.from({ length: 6 }, () => random.unit() + 0.01) };
    const inputs = [random.tensor("f32", [3, 6, ...spatial], 4), vector(), vector(), vector(), variance];
    const epsilon = 0.001;
    await compare(
      { op: "nn.batch_norm", attrs: { epsilon }, inputs, onnx: "BatchNormalization", onnxAttrs: { epsilon: { float: epsilon } } },
      1e-5,
    );
  }
});

interface Layout {
  readonly shape: readonly number[];
  readonly scale: readonly number[];
  readonly axis: number;
  readonly block: number;
}

const layouts: readonly Layout[] = [
  { shape: [4, 5], scale: [], axis: 0, block: 0 },
  { shape: [4, 5, 3], scale: [4], axis: 0, block: 0 },
  { shape: [4, 5, 3], scale: [5], axis: 1, block: 0 },
  { shape: [4, 5, 3], scale: [3], axis: -1, block: 0 },
  { shape: [8, 6], scale: [2, 6], axis: 0, block: 4 },
  { shape: [6, 8], scale: [6, 4], axis: 1, block: 2 },
  { shape: [3, 8, 2], scale: [3, 2, 2], axis: 1, block: 4 },
  { shape: [3, 7], scale: [3, 2], axis: 1, block: 4 },
];

/** Positive scales that make most of [-4, 4) fit, and some of it saturate. */
function scales(random: Seeded, shape: readonly number[]): HostTensor {
  const count = shape.reduce((n, d) => n * d, 1);
  return { dtype: "f32", shape, data: Float32Array.from({ length: count }, () => 0.005 + random.unit() * 0.05) };
}

for (const dtype of ["i8", "u8", "i16", "u16", "i4", "u4"] as const) {
  const spread = dtype.endsWith("16") ? 1200 : dtype.endsWith("4") ? 0.3 : 4;

  oracle(`quant.quantize to ${dtype}: per tensor, per axis, blocked, with and without zero point`, async () => {
    const random = seeded(8);
    for (const { shape, scale, axis, block } of layouts) {
      for (const zero of [true, false]) {
        const inputs = [random.tensor("f32", shape, spread), scales(random, scale), zero ? random.tensor(dtype, scale) : null];
        const onnxAttrs = { axis: { int: axis }, block_size: { int: block }, output_dtype: { int: zero ? 0 : outputType(dtype) } };
        await compare({ op: "quant.quantize", attrs: { axis, block, to: dtype }, inputs, onnx: "QuantizeLinear", onnxAttrs }, 0);
      }
    }
  });

  oracle(`quant.dequantize of ${dtype}: per tensor, per axis, blocked, with and without zero point`, async () => {
    const random = seeded(9);
    for (const { shape, scale, axis, block } of layouts) {
      const inputs = [random.tensor(dtype, shape), scales(random, scale), random.pick([null, random.tensor(dtype, scale)])];
      await compare(
        {
          op: "quant.dequantize",
          attrs: { axis, block },
          inputs,
          onnx: "DequantizeLinear",
          onnxAttrs: { axis: { int: axis }, block_size: { int: block } },
        },
        1e-6,
      );
    }
  });
}

function outputType(dtype: DType): number {
  const types: { readonly [name: string]: number } = { u8: 2, i8: 3, u16: 4, i16: 5, u4: 21, i4: 22 };
  return types[dtype] ?? 0;
}

oracle("quant.quantize: exact ties of the f32 quotient go to even, as ONNX Runtime's", async () => {
  const x = Float32Array.from({ length: 4001 }, (_, i) => Math.fround((i - 2000) / 20));
  const scale: HostTensor = { dtype: "f32", shape: [], data: Float32Array.of(0.1) };
  const inputs = [{ dtype: "f32", shape: [x.length], data: x } as const, scale, null];
  await compare({ op: "quant.quantize", attrs: { to: "i16" }, inputs, onnx: "QuantizeLinear", onnxAttrs: { output_dtype: { int: 5 } } }, 0);
});

test.run();
