/** @file Adds codecs to those that emission may use: a list in the module's `meta`. */
import { codecsMeta } from "../../compiler/index.ts";
import { type Attr, attr, type Module, ModuleEditor, type OpRegistry } from "../../ir-spec/index.ts";

/** The same module where all of them are listed already. */
export function withCodecs(module: Module, registry: OpRegistry, codecs: readonly string[]): Module {
  const present = module.meta?.get(codecsMeta);
  const listed = present?.kind === "list" ? present.value : [];
  const has = (codec: string): boolean => listed.some((item) => item.kind === "string" && item.value === codec);
  const missing = codecs.filter((codec, i) => !has(codec) && codecs.indexOf(codec) === i);
  if (missing.length === 0) return module;
  const editor = new ModuleEditor(module, registry);
  const list: Attr = attr.list([...listed, ...missing.map((codec) => attr.string(codec))]);
  editor.set({ meta: new Map([...(module.meta ?? []), [codecsMeta, list]]) });
  return editor.freeze();
}
