/**
 * @file A network of the size of mnist-cnn, compressed by pruning, sharing and quantizing its tables, and its plan: what the budget of the metadata is measured on. Names are
 * as long as those of the real model.
 */
import {
  type Attr,
  attr,
  type Constant,
  type Dim,
  dataConstant,
  derivedConstant,
  dimSymbol,
  emptyModule,
  type Func,
  type Module,
  type Op,
  type TensorType,
  tensorType,
  type ValueInfo,
} from "../../ir-spec/index.ts";
import { seeded } from "./corrupt.ts";

const f32 = (shape: readonly Dim[]): TensorType => tensorType("f32", shape);
const dict = (entries: Readonly<Record<string, Attr>>) => new Map(Object.entries(entries));
const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

const weights: readonly (readonly [name: string, shape: readonly number[]])[] = [
  ["Parameter5", [8, 1, 5, 5]],
  ["Parameter87", [16, 8, 5, 5]],
  ["Parameter193_reshape1", [10, 256]],
];
const biases: readonly (readonly [name: string, count: number])[] = [
  ["Parameter6", 8],
  ["Parameter88", 16],
  ["Parameter194", 10],
];

function weightConstants(name: string, shape: readonly number[], noise: (n: number) => Uint8Array): Constant[] {
  const count = size(shape);
  const table = `${name}.values.table`;
  return [
    derivedConstant(
      name,
      f32(shape),
      "sparse.expand",
      [`${name}.values`, `${name}.index`],
      dict({ shape: attr.ints(shape), format: attr.enum("mask") }),
    ),
    derivedConstant(`${name}.values`, f32([count / 2]), "codebook.lookup", [table, `${name}.values.codes`], dict({})),
    derivedConstant(table, f32([16]), "quant.dequantize", [`${table}.codes`, `${table}.scale`, null], dict({ axis: attr.int(0) })),
    dataConstant(`${table}.codes`, tensorType("i8", [16]), noise(16)),
    dataConstant(`${table}.scale`, f32([]), noise(4)),
    dataConstant(`${name}.values.codes`, tensorType("u4", [count / 2]), noise(count / 4)),
    dataConstant(`${name}.index`, tensorType("u1", [count]), noise(count / 8)),
  ];
}

const N = dimSymbol("N");
const activations: readonly ValueInfo[] = [
  { name: "Input3", type: f32([N, 1, 28, 28]) },
  { name: "ReLU32_Output_0", type: f32([N, 8, 28, 28]) },
  { name: "Pooling66_Output_0", type: f32([N, 8, 14, 14]) },
  { name: "ReLU114_Output_0", type: f32([N, 16, 14, 14]) },
  { name: "Pooling160_Output_0", type: f32([N, 16, 4, 4]) },
  { name: "Pooling160_Output_0_reshape0", type: f32([N, 256]) },
  { name: "Plus214_Output_0", type: f32([N, 10]) },
];

type Layer = readonly [
  op: string,
  kernel: string,
  constants: readonly string[],
  attrs: Readonly<Record<string, Attr>>,
  nodes: readonly string[],
];
const conv = {
  stride: attr.ints([1, 1]),
  pad: attr.ints([2, 2, 2, 2]),
  dilation: attr.ints([1, 1]),
  groups: attr.int(1),
  activation: attr.enum("relu"),
};
const pool = (k: number) => ({
  kernel: attr.ints([k, k]),
  stride: attr.ints([k, k]),
  pad: attr.ints([0, 0, 0, 0]),
  ceil: attr.bool(false),
});
const layers: readonly Layer[] = [
  ["nn.conv", "f32_conv", ["Parameter5", "Parameter6"], conv, ["Convolution28", "Plus30", "ReLU32"]],
  ["nn.max_pool", "f32_max_pool", [], pool(2), ["Pooling66"]],
  ["nn.conv", "f32_conv", ["Parameter87", "Parameter88"], conv, ["Convolution110", "Plus112", "ReLU114"]],
  ["nn.max_pool", "f32_max_pool", [], pool(3), ["Pooling160"]],
  ["shape.reshape", "reshape", [], { shape: attr.ints([0, -1]) }, ["Times212_reshape0"]],
  ["nn.linear", "f32_linear", ["Parameter193_reshape1", "Parameter194"], { activation: attr.enum("none") }, ["Times212", "Plus214"]],
];

const located = (nodes: readonly string[]) => nodes.map((node) => ({ file: "mnist-cnn-op8.onnx", parts: [node] }));
const last = activations[activations.length - 1] as ValueInfo;
const results = [{ name: last.name ?? "", type: last.type }];
const common = { carries: [], requires: [], doc: null } as const;

export function compressedNetwork(): Module {
  const random = seeded(1);
  const noise = (n: number) => Uint8Array.from({ length: n }, () => random(256));
  const constants = [
    ...weights.flatMap(([name, shape]) => weightConstants(name, shape, noise)),
    ...biases.map(([name, count]) => dataConstant(name, f32([count]), noise(4 * count))),
  ];
  const ops = layers.map(
    ([name, , named, attrs, nodes], i): Op => ({
      name,
      operands: [i, ...named],
      attrs: dict(attrs),
      results: [i + 1],
      doc: null,
      loc: located(nodes),
    }),
  );
  const main: Func = { ...common, name: "main", values: activations, params: [0], results, returns: [layers.length], ops };
  const meta = dict({ producer: attr.string("CNTK 2.5.1"), opset: attr.int(8), dims: attr.dict({ N: attr.string("None") }) });
  return { ...emptyModule("CNTKGraph"), meta, constants: new Map(constants.map((c) => [c.name, c])), functions: new Map([["main", main]]) };
}

export function compressedPlan(): Module {
  const source = compressedNetwork();
  const constants = new Map([...source.constants].filter(([, c]) => c.kind === "data"));
  const { init, made } = planInit();
  return {
    ...source,
    meta: null,
    constants,
    functions: new Map([
      ["init", init],
      ["main", planMain(made)],
    ]),
  };
}

function kernelOp(kernel: string, origin: string, params: Readonly<Record<string, Attr>>, operands: Op["operands"], result: number): Op {
  const attrs = dict({ kernel: attr.string(kernel), params: attr.dict(params), "plan.origin": attr.string(origin) });
  return { name: "rt.kernel", operands, attrs, results: [result], doc: null, loc: [] };
}

/** Each weight: its table dequantized, its values looked up, the zeros put in, packed for the kernel. */
function planInit(): { readonly init: Func; readonly made: readonly { readonly name: string; readonly type: TensorType }[] } {
  const values: ValueInfo[] = [];
  const ops: Op[] = [];
  const step = (
    type: TensorType,
    kernel: string,
    origin: string,
    params: Readonly<Record<string, Attr>>,
    operands: (before: number) => Op["operands"],
  ) => {
    const result = values.push({ name: null, type }) - 1;
    ops.push(kernelOp(kernel, origin, params, operands(result - 1), result));
    return result;
  };
  const made = weights.map(([name, shape]) => {
    const table = `${name}.values.table`;
    const packed = f32([Math.ceil((shape[0] ?? 1) / 4), size(shape.slice(1)), 4]);
    const expand = { shape: attr.ints(shape), format: attr.enum("mask"), n: attr.int(0), m: attr.int(0), axis: attr.int(-1) };
    step(f32([16]), "i8_dequantize_f32", "quant.dequantize", { axis: attr.int(0), block: attr.int(0) }, () => [
      `${table}.codes`,
      `${table}.scale`,
      null,
    ]);
    step(f32([size(shape) / 2]), "f32_u4_lookup", "codebook.lookup", {}, (before) => [before, `${name}.values.codes`]);
    step(f32(shape), "f32_expand_mask", "sparse.expand", expand, (before) => [before, `${name}.index`]);
    return { name: `${name}.packed`, type: packed, id: step(packed, "f32_pack_b4", "pack", {}, (before) => [before]) };
  });
  const init = {
    ...common,
    name: "init",
    values,
    params: [],
    results: made.map(({ name, type }) => ({ name, type })),
    returns: made.map((m) => m.id),
    ops,
  };
  return { init, made };
}

function planMain(made: readonly ValueInfo[]): Func {
  const [input, ...rest] = activations;
  const values = [input as ValueInfo, ...made, ...rest];
  const first = 1 + made.length;
  const built = new Map(weights.map(([name], i) => [name, 1 + i]));
  const ops = layers.map(([name, kernel, named, attrs, nodes], i): Op => {
    const operands = [i === 0 ? 0 : first + i - 1, ...named.map((constant) => built.get(constant) ?? constant)];
    return { ...kernelOp(kernel, name, attrs, operands, first + i), loc: located(nodes) };
  });
  return { ...common, name: "main", values, params: [0, ...built.values()], results, returns: [values.length - 1], ops };
}
