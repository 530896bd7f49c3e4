/** @file The pass that switches entropy coding on: it leaves the module's meaning alone and names the codec for emission in the module's `meta`. */

import { codecsMeta, definePass } from "../../compiler/index.ts";
import { type Attr, attr, ModuleEditor } from "../../ir-spec/index.ts";

export const entropyCode = definePass({
  name: "entropy",
  doc: "Codes every data section of the file losslessly with an adaptive range coder, where that is smaller.",
  stage: "compress",
  after: ["prune-magnitude", "share-weights", "quantize"],
  options: {},
  run(module, ctx) {
    const present = module.meta?.get(codecsMeta);
    const listed = present?.kind === "list" ? present.value : [];
    if (listed.some((item) => item.kind === "string" && item.value === "range")) return module;
    const editor = new ModuleEditor(module, ctx.registry);
    const codecs: Attr = attr.list([...listed, attr.string("range")]);
    editor.set({ meta: new Map([...(module.meta ?? []), [codecsMeta, codecs]]) });
    return editor.freeze();
  },
});
