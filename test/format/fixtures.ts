/** @file Modules and plans that the tests of the file format write and read: one that uses every feature of the language, one small network and its plan. */
import {
  type Attr,
  attr,
  type Constant,
  type Dim,
  dataConstant,
  derivedConstant,
  dimAdd,
  dimCeilDiv,
  dimDiv,
  dimMax,
  dimMod,
  dimMul,
  dimSymbol,
  emptyAttrs,
  emptyModule,
  encodeTensor,
  type Func,
  hostTensor,
  type Module,
  type Op,
  tensorType,
} from "../../ir-spec/index.ts";

export const N: Dim = dimSymbol("N");

export function f32Constant(name: string, shape: readonly number[], values: readonly number[]): Constant {
  return dataConstant(name, tensorType("f32", shape), encodeTensor(hostTensor("f32", shape, Float32Array.from(values))));
}

const byName = (constants: readonly Constant[]): ReadonlyMap<string, Constant> => new Map(constants.map((c) => [c.name, c]));
const byFunc = (functions: readonly Func[]): ReadonlyMap<string, Func> => new Map(functions.map((f) => [f.name, f]));

export function op(
  name: string,
  operands: Op["operands"],
  attrs: Readonly<Record<string, Attr>>,
  results: readonly number[],
  extra: Partial<Op> = {},
): Op {
  return { name, operands, attrs: new Map(Object.entries(attrs)), results, doc: null, loc: [], ...extra };
}

/** y = relu(x W^T + b), W stored as a codebook's indices, b as a splat. */
export function smallModule(): Module {
  const wide = tensorType("f32", [N, 3]);
  const narrow = tensorType("f32", [N, 2]);
  const codes = dataConstant("fc.w.codes", tensorType("u2", [2, 3]), Uint8Array.of(0b11100100, 0b1001));
  const bias: Constant = {
    kind: "data",
    name: "fc.b",
    type: tensorType("f32", [2]),
    storage: { kind: "splat", element: Uint8Array.of(0, 0, 0, 63) },
    doc: "one half each",
    loc: [],
  };
  const main: Func = {
    name: "main",
    values: [
      { name: "x", type: wide },
      { name: null, type: narrow },
      { name: "y", type: narrow },
    ],
    params: [0],
    results: [{ name: "y", type: narrow }],
    returns: [2],
    carries: [],
    requires: [],
    ops: [
      op("nn.linear", [0, "fc.w", "fc.b"], {}, [1], { loc: [{ file: "model.onnx", parts: ["Gemm_1"] }] }),
      op("math.relu", [1], {}, [2]),
    ],
    doc: null,
  };
  return {
    ...emptyModule("small"),
    functions: byFunc([main]),
    constants: byName([
      derivedConstant("fc.w", tensorType("f32", [2, 3]), "codebook.lookup", ["fc.w.table", "fc.w.codes"], emptyAttrs),
      f32Constant("fc.w.table", [4], [-1, 0.5, 1, 2]),
      codes,
      bias,
    ]),
  };
}

/** The small network lowered for a target with the kernels `lookup`, `linear` and `relu`. */
export function smallPlan(kernels: { readonly relu?: string } = {}): Module {
  const source = smallModule();
  const weight = tensorType("f32", [2, 3]);
  const narrow = tensorType("f32", [N, 2]);
  const kernel = (
    id: string,
    operands: Op["operands"],
    params: Readonly<Record<string, Attr>>,
    results: readonly number[],
    origin: string,
  ) => op("rt.kernel", operands, { kernel: attr.string(id), params: attr.dict(params), "plan.origin": attr.string(origin) }, results);
  const plain = { carries: [], requires: [], doc: null };
  const init: Func = {
    ...plain,
    name: "init",
    values: [{ name: "w", type: weight }],
    params: [],
    results: [{ name: "w", type: weight }],
    returns: [0],
    ops: [kernel("lookup", ["fc.w.table", "fc.w.codes"], {}, [0], "codebook.lookup")],
  };
  const main: Func = {
    ...plain,
    name: "main",
    values: [
      { name: "x", type: tensorType("f32", [N, 3]) },
      { name: "w", type: weight },
      { name: null, type: narrow },
      { name: "y", type: narrow },
    ],
    params: [0, 1],
    results: [{ name: "y", type: narrow }],
    returns: [3],
    ops: [
      {
        ...kernel("linear", [0, 1, "fc.b"], { activation: attr.enum("none") }, [2], "nn.linear"),
        loc: [{ file: "model.onnx", parts: ["Gemm_1"] }],
      },
      kernel(kernels.relu ?? "relu", [2], {}, [3], "math.relu"),
    ],
  };
  const constants = [...source.constants.values()].filter((c) => c.kind === "data");
  return { ...emptyModule("small"), functions: byFunc([init, main]), constants: byName(constants) };
}

/** Every kind of attribute, of name, of dim. */
export const oddAttrs: Readonly<Record<string, Attr>> = {
  zero: attr.int(0),
  least: attr.int(-(2n ** 63n)),
  most: attr.int(2n ** 63n - 1n),
  unsigned: attr.int(2n ** 64n - 1n),
  exact: attr.int(-(2 ** 53 - 1)),
  minus_zero: attr.float(-0),
  infinite: attr.float(Number.NEGATIVE_INFINITY),
  nan: attr.float(Number.NaN),
  payload: { kind: "float", value: Number.NaN, bits: 0xfff4000000200001n },
  tiny: attr.float(5e-324),
  yes: attr.bool(true),
  text: attr.string('quoted "a/b:0" \u0000 \ufeff 漢字 \u{1f600}'),
  same_text: attr.enum("relu"),
  word: attr.string("relu"),
  callee: attr.symbol("helper"),
  type: attr.type(tensorType("bf16", [dimAdd(dimMul(2, N), 1), 3])),
  size: attr.dim(dimMod(dimAdd(dimSymbol("H"), -7), 4)),
  fresh: { kind: "dim", value: dimSymbol("K"), introduces: true },
  empty: attr.list([]),
  nested: attr.list([attr.list([attr.int(1), attr.float(1)]), attr.dict({}), attr.dict({ b: attr.int(2), a: attr.int(1) })]),
  "note.of.a.pass": attr.string(""),
};

/** Uses every feature of the language once. */
export function everythingModule(): Module {
  const H = dimSymbol("H");
  const odd = tensorType("f16", [dimDiv(dimAdd(dimMul(H, N), 3), 2), dimMax(N, 2 ** 40), dimCeilDiv(H, 5)]);
  const scalar = tensorType("i64", []);
  const place = (...parts: readonly (string | number)[]) => ({ file: "a b.tir", parts });
  const helper: Func = {
    name: "helper",
    values: [
      { name: "758", type: odd },
      { name: "state", type: scalar },
      { name: "a/b:0", type: odd },
      { name: null, type: scalar },
    ],
    params: [0, 1],
    results: [
      { name: "54", type: odd },
      { name: "next", type: scalar },
      { name: "c", type: tensorType("u1", [9]) },
    ],
    returns: [2, 3, "bits"],
    carries: [{ param: 1, result: "next" }],
    requires: [
      { left: dimMod(H, 32), right: 0 },
      { left: dimMul(H, N), right: dimAdd(N, 7) },
    ],
    ops: [
      op("plugin.two_results", [0, null, "seed", 1], oddAttrs, [2, 3], {
        doc: "two\nlines",
        loc: [place(12, 3), place("Conv_7"), place()],
      }),
    ],
    doc: "a helper",
  };
  const main: Func = {
    ...helper,
    name: "main",
    values: [
      { name: "x", type: odd },
      { name: "s", type: scalar },
    ],
    ops: [],
    carries: [],
    requires: [],
    results: [{ name: "x", type: odd }],
    returns: [0],
    doc: null,
  };
  const splat: Constant = {
    kind: "data",
    name: "zeros",
    type: tensorType("i4", [3, 5]),
    storage: { kind: "splat", element: Uint8Array.of(0x0d) },
    doc: null,
    loc: [],
  };
  return {
    ...emptyModule("every thing"),
    doc: "documented",
    meta: new Map([["opset", attr.dict({ nn: attr.int(1) })]]),
    metaDoc: "of meta",
    functions: byFunc([main, helper]),
    constants: byName([
      {
        ...derivedConstant("later", scalar, "plugin.decode", ["seed", null, "bits"], new Map([["to", attr.enum("f32")]]), [place("w")]),
        doc: "d",
      },
      dataConstant("seed", scalar, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), [place(1)]),
      dataConstant("signaling", tensorType("f32", [2]), Uint8Array.of(1, 0, 0xa0, 0x7f, 0, 0, 0, 0x80)),
      splat,
      dataConstant("bits", tensorType("u1", [9]), Uint8Array.of(0xff, 1)),
      dataConstant("none", tensorType("f32", [0, 4]), new Uint8Array(0)),
      dataConstant(
        "large",
        tensorType("u8", [2000]),
        Uint8Array.from({ length: 2000 }, (_, i) => (i * i) % 251),
      ),
    ]),
  };
}
