/** @file Linear layers in one form: a product with a constant matrix is `nn.linear`, an added per-channel constant is a bias. */
import { type EditableOp, type FunctionEditor, type Operand, staticShape } from "../../../ir-spec/index.ts";
import { deriveConstant } from "../../rewrite/derive.ts";
import type { Rewrite } from "../../rewrite/rewrite.ts";

const matmulToLinear: Rewrite = {
  name: "matmul-to-linear",
  doc: "x @ W with a constant W [in, out] is nn.linear(x, transpose(W)).",
  ops: ["nn.matmul"],
  apply(op, { body, module }) {
    const [x, w] = op.operands;
    if (typeof w !== "string" || typeof x !== "number") return null;
    if (body.typeOf(w).shape.length !== 2 || body.typeOf(x).shape.length < 2) return null;
    const weight = deriveConstant(module, `${w}.t`, "shape.transpose", [w], { perm: [1, 0] }, op.loc);
    return [body.one("nn.linear", [x, weight, null])];
  },
};

const addToBias: Rewrite = {
  name: "add-to-bias",
  doc: "A per-channel constant added to a conv or linear without bias and activation becomes its bias.",
  ops: ["math.add"],
  apply(op, ctx) {
    for (const side of [0, 1] as const) {
      const added = op.operands[1 - side];
      if (typeof added !== "string") continue;
      for (const name of ["nn.conv", "nn.linear"]) {
        const layer = ctx.soleProducer(op.operands[side], name);
        if (!layer || !takesBias(layer, ctx.attrs(layer))) continue;
        const bias = biasFrom(added, layer, op, ctx.body);
        if (bias === null) continue;
        const constant =
          bias === added ? added : deriveConstant(ctx.module, `${added}.bias`, "shape.reshape", [added], { shape: bias }, op.loc);
        return [ctx.body.one(name, [layer.operands[0] ?? null, layer.operands[1] ?? null, constant], ctx.attrs(layer))];
      }
    }
    return null;
  },
};

function takesBias(layer: EditableOp, attrs: Readonly<Record<string, unknown>>): boolean {
  return (layer.operands[2] ?? null) === null && attrs.activation === "none";
}

/** The constant itself when it is [out], the shape to give it when it is [.., out, 1..], null when it is not per channel. */
function biasFrom(added: string, layer: EditableOp, op: EditableOp, body: FunctionEditor): string | readonly number[] | null {
  const result = body.info(layer.results[0] as number).type.shape;
  if (body.info(op.results[0] as number).type.shape.length !== result.length) return null;
  const shape = staticShape(body.typeOf(added as Operand).shape);
  const axis = layer.name === "nn.conv" ? 1 : result.length - 1;
  const out = result[axis];
  if (!shape || typeof out !== "number" || shape.length > result.length) return null;
  const offset = result.length - shape.length;
  const perChannel =
    shape.every((size, i) => (i + offset === axis ? size === out : size === 1)) && shape.length > axis - offset && axis >= offset;
  if (!perChannel) return null;
  return shape.length === 1 ? added : [out];
}

export const linearRewrites: readonly Rewrite[] = [matmulToLinear, addToBias];
