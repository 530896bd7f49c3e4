/**
 * @file Dtypes that an operator does not take. ONNX has no bf16 for many of them, and ONNX Runtime's CPU kernels are for some integers only: there the op is computed in a wider dtype between
 * two casts. Orders and choices are the same there, sums and products of integers have the same low bits, and bf16 is rounded once more from f32.
 */
import type { DType, TensorType } from "../../../ir-spec/index.ts";
import { attribute, type GraphBuilder } from "./builder.ts";
import { type CallSource, type ExportRow, OpCall } from "./call.ts";
import { dataType } from "./dtypes.ts";
import type { Sizes } from "./sizes.ts";

type Widening = { readonly [D in DType]?: DType };

const none: Widening = {};

/** 16-bit integers, which comparisons leave out. */
const shorts: Widening = { i16: "i32", u16: "i32" };

/** Unsigned sums and products are the low bits of signed ones. */
const unsignedSums: Widening = { u32: "i64", u64: "i64" };

const byOp: Readonly<Record<string, Widening>> = {
  "math.min": shorts,
  "math.max": shorts,
  "math.clip": shorts,
  "math.pow": { u64: "i64" },
  "reduce.sum": unsignedSums,
  "reduce.prod": unsignedSums,
  "reduce.max": { u32: "i64" },
  "reduce.min": { u32: "i64" },
  "reduce.argmax": { ...shorts, u32: "i64" },
  "reduce.top_k": { ...shorts, u32: "i64" },
  "shape.pad": shorts,
  "nn.max_pool_grad": { f16: "f32" },
  "dynamic.nonzero": { f64: "bool", i16: "bool", i8: "bool", u64: "bool", u32: "bool", u16: "bool" },
  "dynamic.unique": { f16: "f32", i32: "i64", i16: "i64", u32: "i64", u16: "i64", u8: "i64", bool: "i64" },
  "dynamic.range": { f16: "f32", i8: "i32", u8: "i32", u16: "i32", u32: "i64", u64: "i64" },
};

/** Before operator set 14 arithmetic is of floats and wide integers. */
const before14: Widening = { ...shorts, i8: "i32", u8: "i32" };
const byOpBefore14: Readonly<Record<string, Widening>> = {
  "math.add": before14,
  "math.sub": before14,
  "math.mul": before14,
  "math.div": before14,
  "math.neg": { u8: "i32", u16: "i32" },
  "reduce.cumsum": { f16: "f32" },
};

/** Values that are combined, not only put elsewhere. */
const combining: Widening = { f16: "f32", bool: "i32" };

/** Ops that move elements, or have a dtype of their own for the result: these take bf16. */
const takesBf16: ReadonlySet<string> = new Set([
  "type.cast",
  "type.bitcast",
  "shape.reshape",
  "shape.transpose",
  "shape.concat",
  "shape.slice",
  "shape.gather",
  "shape.gather_elements",
  "shape.gather_nd",
  "math.where",
  "codebook.lookup",
  "sparse.compress",
  "dynamic.reshape",
  "dynamic.slice",
  "control.if",
  "control.loop",
  "control.scan",
]);

function wideningOf({ op, attrs }: CallSource, opset: number): Widening {
  const scatters = op === "shape.scatter_add" || (op.startsWith("shape.scatter_") && attrs.reduction !== "none");
  const own = scatters ? combining : { ...byOp[op], ...(opset < 14 ? byOpBefore14[op] : none) };
  return takesBf16.has(op) ? own : { ...own, bf16: "f32" };
}

/** Writes the op by its row, between casts where it has such a dtype. */
export function writeOp(source: CallSource, builder: GraphBuilder, sizes: Sizes, row: ExportRow): void {
  const widening = wideningOf(source, builder.opset);
  const isWidened = (type: TensorType | null | undefined): boolean => type != null && widening[type.dtype] !== undefined;
  if ([...source.types, ...source.outputs].some(isWidened)) writeWide(source, widening, builder, sizes, row);
  else new OpCall(source, builder, sizes).write(row);
}

function writeWide(source: CallSource, widening: Widening, builder: GraphBuilder, sizes: Sizes, row: ExportRow): void {
  const [first = ""] = source.results;
  const wideOf = (type: TensorType | null | undefined): DType | undefined => (type ? widening[type.dtype] : undefined);
  const wide = (type: TensorType): TensorType => ({ ...type, dtype: wideOf(type) ?? type.dtype });
  const castTo = (dtype: DType) => ({ to: attribute.int(dataType(dtype)) });
  const results = source.results.map((name, i) => (wideOf(source.outputs[i]) ? builder.names.fresh(`${name}/wide`) : name));
  const made: CallSource = {
    ...source,
    types: source.types.map((type) => type && wide(type)),
    outputs: source.outputs.map(wide),
    results,
    input(i) {
      const to = wideOf(source.types[i]);
      return to ? builder.value("Cast", [source.input(i)], castTo(to), `${first}/Cast`) : source.input(i);
    },
    constant: (i) => (wideOf(source.types[i]) ? null : source.constant(i)),
    nbits: (i) => (source.types.some(wideOf) ? null : source.nbits(i)),
  };
  new OpCall(made, builder, sizes).write(row);
  source.outputs.forEach((type, i) => {
    const [from, to] = [results[i], source.results[i]];
    if (wideOf(type) && from && to) builder.node("Cast", [from], [to], castTo(type.dtype));
  });
}
