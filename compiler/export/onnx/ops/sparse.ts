/**
 * @file Structural zeros. The index must be a constant. A mask stays one bit for each element, unpacked by arithmetic, and the running count of its ones says which value an element has; of other
 * formats the positions are computed here and written as integers.
 */
import { countOf, dtypeInfo, encodeTensor, type HostTensor, hostTensor, staticShape } from "../../../../ir-spec/index.ts";
import { positionsOf, type SparseAttrs } from "../../../../ir-spec/ops/sparse/positions.ts";
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";

const indexOf = (op: OpCall): HostTensor =>
  op.constant(1) ?? op.fail("E1002", "ONNX takes positions, and the index of this one is computed", "make the index a constant");

/** Row-major positions of the stored values in the dense tensor, as a constant. */
function positions(op: OpCall, shape: readonly number[]): string {
  const attrs: SparseAttrs = { shape, format: op.attr("format"), n: op.int("n"), m: op.int("m"), axis: op.int("axis") };
  const list = Int32Array.from(positionsOf(indexOf(op).data as Uint8Array, attrs));
  return op.literal("i32", [list.length], encodeTensor({ dtype: "i32", shape: [list.length], data: list }));
}

function expand(op: OpCall): ResultNode {
  const { dtype } = op.output;
  if (dtypeInfo(dtype).bits < 8)
    op.fail("E1002", `ONNX scatters no ${dtype}`, "dequantize or unpack the values first, or export with `weights` other than decode");
  const shape = op.ints("shape");
  const flat = op.attr("format") === "mask" ? masked(op, countOf(shape)) : scattered(op, shape);
  return op.result("Reshape", [flat, op.list(shape)], shape.includes(0) ? { allowzero: attribute.int(1) } : {});
}

/** Scattered over zeros. */
function scattered(op: OpCall, shape: readonly number[]): string {
  const zeros = op.node("Expand", [op.scalar(0, op.output.dtype), op.list([countOf(shape)])]);
  return op.node("ScatterElements", [zeros, positions(op, shape), op.input(0)]);
}

/** Element i is value number (ones up to it) where its own bit is one, else number 0, which is put before the values: zero. */
function masked(op: OpCall, count: number): string {
  const bits = maskBits(op, count);
  const numbers = op.node("Mul", [op.node("CumSum", [bits, op.scalar(0, "i64")]), bits]);
  const values = op.node("Concat", [op.filled(0, op.output.dtype, [1]), op.input(0)], { axis: attribute.int(0) });
  return op.node("Gather", [values, numbers], { axis: attribute.int(0) });
}

/** The mask as i32 of 0 and 1, from eight bits a byte, low ones first. */
function maskBits(op: OpCall, count: number): string {
  const bytes = encodeTensor(indexOf(op));
  const packed = op.cast(op.literal("u8", [bytes.length, 1], bytes), "i32");
  const powers = hostTensor("i32", [8], Int32Array.of(1, 2, 4, 8, 16, 32, 64, 128));
  const shifted = op.node("Div", [packed, op.literal("i32", [8], encodeTensor(powers))]);
  const bits = op.node("Reshape", [op.node("Mod", [shifted, op.scalar(2, "i32")]), op.list([-1])]);
  return bytes.length * 8 === count ? bits : op.node("Slice", [bits, op.list([0]), op.list([count]), op.list([0])]);
}

function compress(op: OpCall): ResultNode {
  const shape =
    staticShape(op.type(0).shape) ?? op.fail("E1005", "the shape of x is not known at export", "give the model static sizes there");
  const flat = op.node("Reshape", [op.input(0), op.list([-1])]);
  return op.result("Gather", [flat, positions(op, shape)], { axis: attribute.int(0) });
}

export const sparseRows: ExportTable = { "sparse.expand": expand, "sparse.compress": compress };
