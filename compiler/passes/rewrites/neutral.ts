/** @file Ops that do nothing: adding 0, multiplying by 1. The neutral constant must be provably neutral without evaluating a definition. */
import { bytesLength, type Constant, type ModuleEditor, type Operand, shapeEquals } from "../../../ir-spec/index.ts";
import type { Rewrite } from "../../rewrite/rewrite.ts";

const neutral = (name: string, op: string, element: number, sides: readonly (0 | 1)[]): Rewrite => ({
  name,
  doc: `${op} with ${element} is its other operand`,
  ops: [op],
  apply(node, { body, module }) {
    for (const side of sides) {
      const other = node.operands[1 - side];
      if (other === undefined || other === null || !isSplatOf(module, node.operands[side], element)) continue;
      if (shapeEquals(body.typeOf(other).shape, body.info(node.results[0] as number).type.shape)) return [other];
    }
    return null;
  },
});

export const neutralRewrites: readonly Rewrite[] = [
  neutral("add-zero", "math.add", 0, [0, 1]),
  neutral("subtract-zero", "math.sub", 0, [1]),
  neutral("multiply-one", "math.mul", 1, [0, 1]),
  neutral("divide-one", "math.div", 1, [1]),
];

/** Every element of an f32 data constant is exactly `element` (for 0: +0 and -0 both, since x + -0 = x and x + 0 differs only for x = -0). */
export function isSplatOf(module: ModuleEditor, operand: Operand | undefined, element: number): boolean {
  const constant = typeof operand === "string" ? module.constant(operand) : null;
  const values = constant ? smallValues(constant) : null;
  return values !== null && values.length > 0 && values.every((v) => v === element);
}

const mostLooked = 1 << 16;

/** Elements of a small f32 data constant. */
function smallValues(constant: Constant): Float32Array | null {
  if (constant.kind !== "data" || constant.type.dtype !== "f32") return null;
  if (constant.storage.kind === "bytes" && bytesLength(constant.storage) > mostLooked) return null;
  const bytes =
    constant.storage.kind === "bytes" ? constant.storage.bytes : constant.storage.kind === "splat" ? constant.storage.element : null;
  if (!bytes || bytes.length > mostLooked) return null;
  return new Float32Array(bytes.slice().buffer);
}
