/** @file Indices of max pools, and `MaxUnpool`, which writes elements back to where they came from. */
import { type AttrInput, type Dim, dimMul, dimProduct, dimSub } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { window } from "./window.ts";

/** The indices of `nn.max_pool` with the attributes; with `storage_order` 1 each plane is counted column by column. */
export function maxPoolIndices(node: NodeContext, attrs: AttrInput): Value {
  const indices = node.emit("nn.max_pool_index", [node.input(0)], attrs);
  if (node.attributes.int("storage_order", 0) === 0 || node.rank(0) === 3) return indices;
  const sizes = node
    .type(0)
    .shape.slice(2)
    .map((dim) => node.staticDim(dim, "storage_order: the size"));
  const [height, width, ...more] = sizes;
  if (height === undefined || width === undefined || more.length > 0)
    return node.fail("E0605", "column-major indices of pools over three axes are not supported", "export with storage_order 0");
  const number = (value: number) => node.scalar(value, "i64");
  const column = node.emit("math.mod", [indices, number(width)]);
  const row = node.emit("math.mod", [node.emit("math.div", [indices, number(width)]), number(height)]);
  const inPlane = node.emit("math.add", [node.emit("math.mul", [row, number(width)]), column]);
  const turned = node.emit("math.add", [node.emit("math.mul", [column, number(height)]), row]);
  return node.emit("math.add", [node.emit("math.sub", [indices, inPlane]), turned]);
}

/** The indices count in the tensor that the pool was of, as kernel, strides and pads imply it; a larger `output_shape` has zeros behind that. */
function maxUnpool(node: NodeContext): Value {
  const { kernel, stride, pad } = window(node, null);
  const x = node.input(0);
  const rank = kernel.length;
  const [batch, channels, ...sizes] = x.type.shape as readonly [Dim, Dim, ...Dim[]];
  const spatial = sizes.map((size, i) => {
    const grown = dimMul(dimSub(size, 1), stride[i] ?? 1);
    return dimSub(grown, (pad[i] ?? 0) + (pad[i + rank] ?? 0) - (kernel[i] ?? 1));
  });
  const shape = [batch, channels, ...spatial];
  const zeros = node.emit("shape.broadcast", [node.scalar(0, x.type.dtype)], { shape: [dimProduct(shape)] });
  const rows = node.reshape(node.input(1), [dimProduct(x.type.shape), 1]);
  const flat = node.emit("shape.scatter_nd", [zeros, rows, node.reshape(x, [dimProduct(x.type.shape)])]);
  const y = node.reshape(flat, shape);
  if (!node.has(2)) return y;
  const wanted = node.integers(2, "the shape of the result");
  const after = shape.map((dim, axis) => node.staticDim(dimSub(wanted[axis] ?? dim, dim), "the shape of the result"));
  if (after.some((n) => n < 0)) node.fail("E0606", `output_shape is smaller than what kernel, strides and pads imply`);
  return after.every((n) => n === 0) ? y : node.emit("shape.pad", [y], { before: after.map(() => 0), after });
}

export const unpoolOps: OpTable = { MaxUnpool: maxUnpool };
