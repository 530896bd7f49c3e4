/** @file The pass `sample-swish2`: one op in place of three, and the codec's name in the module's meta. */
import { applyRewrites, codecsMeta, definePass, option, type Pass, type Rewrite } from "tersor/compiler";
import { attr, evaluateConstant, type Module, ModuleEditor, type Operand, toNumbers } from "tersor/ir";

/** `x * sigmoid(x * 2)`, in either order of both products. */
const fuse = (source: Module): Rewrite => ({
  name: "sample-swish2",
  doc: "x * sigmoid(2 * x) is sample.swish2(x)",
  ops: ["math.mul"],
  apply(op, { body, registry, soleProducer }) {
    const isTwo = (operand: Operand | undefined) =>
      typeof operand === "string" && toNumbers(evaluateConstant(source, registry, operand)).join() === "2";
    for (const side of [0, 1] as const) {
      const x = op.operands[1 - side] ?? null;
      const sigmoid = soleProducer(op.operands[side], "math.sigmoid");
      const twice = sigmoid ? soleProducer(sigmoid.operands[0], "math.mul") : null;
      if (!twice || typeof x !== "number" || !twice.operands.includes(x) || !twice.operands.some(isTwo)) continue;
      return [body.one("sample.swish2", [x])];
    }
    return null;
  },
});

export const samplePass: Pass = definePass({
  name: "sample-swish2",
  doc: "Fuses x * sigmoid(2 * x) into sample.swish2.",
  stage: "compress",
  options: { rle: option.bool("Also code data by run length, where that is smaller.", true) },
  run(module, ctx, { rle }) {
    const editor = new ModuleEditor(applyRewrites(module, ctx.registry, [fuse(module)]), ctx.registry);
    if (rle) editor.set({ meta: new Map([...(module.meta ?? []), [codecsMeta, attr.list([attr.string("sample/rle")])]]) });
    return editor.freeze();
  },
});
