/** @file Matrix products. A linear layer of rank 2 is a `Gemm`; of other ranks a `MatMul` by the transposed weight. */
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode, WrittenNBits } from "../call.ts";
import { layer } from "./activation.ts";

function linear(op: OpCall): ResultNode {
  const blocks = op.nbits(1);
  if (blocks) return inBlocks(op, blocks);
  if (op.rank(0) === 2) return layer(op, "Gemm", op.inputs(), { transB: attribute.int(1) });
  const weight = op.node("Transpose", [op.input(1)], { perm: attribute.ints([1, 0]) });
  if (!op.has(2)) return layer(op, "MatMul", [op.input(0), weight]);
  return layer(op, "Add", [op.node("MatMul", [op.input(0), weight]), op.input(2)]);
}

/** ONNX Runtime's operator on codes in blocks. */
function inBlocks(op: OpCall, { names, weight }: WrittenNBits): ResultNode {
  const attrs = {
    K: attribute.int(weight.inputs),
    N: attribute.int(weight.outputs),
    bits: attribute.int(weight.bits),
    block_size: attribute.int(weight.block),
  };
  return layer(op, "MatMulNBits", [op.input(0), ...names, "", op.input(2)], attrs, "com.microsoft");
}

export const linearRows: ExportTable = { "nn.linear": linear, "nn.matmul": (op) => op.result("MatMul", op.inputs()) };
