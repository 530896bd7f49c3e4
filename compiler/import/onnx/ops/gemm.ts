/** @file Matrix products. A `Gemm` becomes `nn.linear`, whose weight is [out, in]: the layer that compression knows. */
import { compareDims, type Dim } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";

/** alpha * A B + beta * C with A [m, k] and B [k, n], each perhaps given transposed. */
function gemm(node: NodeContext): Value {
  const { attributes } = node;
  if (node.opset < 7) attributes.ignore("broadcast");
  const [alpha, beta] = [attributes.float("alpha", 1), attributes.float("beta", 1)];
  const turned = (index: number): Value => node.emit("shape.transpose", [node.input(index)], { perm: [1, 0] });
  const a = attributes.flag("transA", false) ? turned(0) : node.input(0);
  const weight = attributes.flag("transB", false) ? node.input(1) : turned(1);
  const bias = alpha === 1 && beta === 1 ? biasOf(node, weight.type.shape[0] ?? 0) : null;
  const product = node.emit("nn.linear", [a, weight, bias]);
  const scaled = alpha === 1 ? product : node.emit("math.mul", [product, node.scalar(alpha, product.type.dtype)]);
  if (!node.has(2) || bias !== null || beta === 0) return scaled;
  const c = node.input(2);
  return node.emit("math.add", [scaled, beta === 1 ? c : node.emit("math.mul", [c, node.scalar(beta, c.type.dtype)])]);
}

/** C as the bias of a linear layer, one number for each output, where it is one. */
function biasOf(node: NodeContext, outputs: Dim): Value | null {
  if (!node.has(2)) return null;
  const c = node.input(2);
  const rank = c.type.shape.length;
  if (rank === 0 || compareDims(c.type.shape[rank - 1] ?? 1, outputs) !== true) return null;
  if (rank === 1) return c;
  return c.type.shape[0] === 1 ? node.reshape(c, [outputs]) : null;
}

export const gemmOps: OpTable = {
  Gemm: gemm,
  MatMul: (node) => node.emit("nn.matmul", [node.input(0), node.input(1)]),
};
