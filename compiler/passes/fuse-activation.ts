/** @file Activation fusion: relu and relu6 go into the `activation` attribute of the conv or linear before them, where kernels apply them in the epilogue. */

import { definePass } from "../pass/pass.ts";
import { applyRewrites, type Rewrite } from "../rewrite/rewrite.ts";

const layers = ["nn.conv", "nn.linear"];

const fuse: Rewrite = {
  name: "fuse-activation",
  doc: "relu(conv(x)) is conv(x) {activation = relu}; clip to 0..6 likewise.",
  ops: ["math.relu", "math.clip"],
  apply(op, { body, attrs, soleProducer }) {
    const activation = activationOf(op.name, attrs(op));
    if (!activation) return null;
    for (const name of layers) {
      const layer = soleProducer(op.operands[0], name);
      if (!layer || attrs(layer).activation !== "none") continue;
      return [body.one(name, layer.operands, { ...attrs(layer), activation })];
    }
    return null;
  },
};

function activationOf(op: string, attrs: Readonly<Record<string, unknown>>): string | null {
  if (op === "math.relu") return "relu";
  return attrs.min === 0 && attrs.max === 6 ? "relu6" : null;
}

export const fuseActivation = definePass({
  name: "fuse-activation",
  doc: "Moves relu and relu6 into the activation attribute of the layer before them.",
  stage: "any",
  options: {},
  run: (module, ctx) => applyRewrites(module, ctx.registry, [fuse]),
});
