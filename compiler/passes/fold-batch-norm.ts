/**
 * @file Folds an inference batch norm into the conv or linear before it: W' = W * s, b' = (b - mean) * s + bias with s = scale / sqrt(variance + epsilon).
 * The new weight is a derived constant; `materialize` evaluates it. Presets place this after slimming (which reads scale) and before sharing and quantizing.
 */
import type { DType, EditableOp, ModuleEditor } from "../../ir-spec/index.ts";
import { definePass } from "../pass/pass.ts";
import { deriveConstant } from "../rewrite/derive.ts";
import { applyRewrites, type Rewrite } from "../rewrite/rewrite.ts";

const fold: Rewrite = {
  name: "fold-batch-norm",
  doc: "batch_norm(conv(x, W, b)) is conv(x, W * s, (b - mean) * s + bias).",
  ops: ["nn.batch_norm"],
  apply(op, { body, module, attrs, soleProducer }) {
    const [x, ...parameters] = op.operands;
    if (!parameters.every((p) => typeof p === "string")) return null;
    const layer = soleProducer(x, "nn.conv") ?? soleProducer(x, "nn.linear");
    if (!layer || attrs(layer).activation !== "none" || typeof layer.operands[1] !== "string") return null;
    const bias = layer.operands[2] ?? null;
    if (typeof bias === "number") return null;
    if (layer.name === "nn.linear" && body.info(layer.results[0] as number).type.shape.length !== 2) return null;
    const [weight, newBias] = foldParameters(
      op,
      parameters as string[],
      layer.operands[1],
      bias,
      attrs(op).epsilon as number,
      module,
      body,
    );
    return [body.one(layer.name, [layer.operands[0] ?? null, weight, newBias], attrs(layer))];
  },
};

function foldParameters(
  op: EditableOp,
  [scale, shift, mean, variance]: readonly string[],
  weight: string,
  bias: string | null,
  epsilon: number,
  module: ModuleEditor,
  body: { scalar(value: number, dtype: DType): string | number | null },
): readonly [string, string] {
  const derive = (name: string, opName: string, operands: readonly (string | undefined)[], attrs = {}) =>
    deriveConstant(
      module,
      name,
      opName,
      operands.map((o) => o ?? null),
      attrs,
      op.loc,
    );
  const eps = body.scalar(epsilon, module.constant(variance ?? "")?.type.dtype ?? "f32") as string;
  const deviation = derive(`${variance}.deviation`, "math.sqrt", [derive(`${variance}.eps`, "math.add", [variance, eps])]);
  const factor = derive(`${scale}.factor`, "math.div", [scale, deviation]);
  const rank = module.constant(weight)?.type.shape.length ?? 2;
  const shape = [-1, ...Array.from({ length: rank - 1 }, () => 1)];
  const folded = derive(`${weight}.bn`, "math.mul", [weight, derive(`${scale}.factor.column`, "shape.reshape", [factor], { shape })]);
  const centred = bias === null ? derive(`${mean}.negative`, "math.neg", [mean]) : derive(`${bias}.centred`, "math.sub", [bias, mean]);
  return [folded, derive(`${shift}.bn`, "math.add", [derive(`${shift}.scaled`, "math.mul", [centred, factor]), shift])];
}

export const foldBatchNorm = definePass({
  name: "fold-batch-norm",
  doc: "Folds batch norms into the weights of the layer before them, as derived constants.",
  stage: "compress",
  before: ["share-weights", "quantize"],
  options: {},
  run: (module, ctx) => applyRewrites(module, ctx.registry, [fold]),
});
