/** @file One weight of a module as integers or half floats, whatever holds its elements: data, a mask over a list, a table with codes. */
import { leafValues, matchesAny, type PassContext, type ReportRow, type Weight, weights } from "../../compiler/index.ts";
import type { Constant, Module, ModuleEditor } from "../../ir-spec/index.ts";
import { quantizeWithGrid } from "./affine.ts";
import type { Coder } from "./coder.ts";
import { gridFor } from "./grid.ts";
import type { Options } from "./quantize.ts";
import { schemeFor, wholeTensor } from "./scheme.ts";
import { storeCodes, storeHalf } from "./store.ts";

type StoreOptions = Pick<Options, "bits" | "half" | "granularity" | "group" | "calibration">;

/** Each leaf once, by the first weight that has it. */
export function chosenWeights(module: Module, ctx: PassContext, options: Pick<Options, "min" | "keep">): readonly Weight[] {
  const leaves = new Map<string, Weight>();
  for (const weight of ctx.analysis(weights, module)) {
    if (weight.count < options.min || weight.count === 0 || matchesAny(weight.name, options.keep) || leaves.has(weight.leaf)) continue;
    const values = leafValues(module, weight.leaf);
    if (values && (values.length < options.min || values.length === 0)) continue;
    if (values?.some((value) => !Number.isFinite(value))) ctx.warn(`${weight.name}: has weights that are NaN or infinite: left alone`);
    else leaves.set(weight.leaf, weight);
  }
  return [...leaves.values()];
}

/** @returns what was done; null where the weight is left alone, after a warning */
export function storeWeight(
  module: Module,
  editor: ModuleEditor,
  weight: Weight,
  options: StoreOptions,
  coder: Coder,
  warn: (message: string) => void,
): ReportRow | null {
  const leaf = module.constants.get(weight.leaf) as Constant;
  if (leaf.kind === "derived") {
    if (leaf.op === "codebook.lookup") return storeTable(module, editor, weight, leaf.operands[0] as string, options);
    warn(`${weight.name}: @${leaf.name} is defined by ${leaf.op}, not float data: left alone`);
    return null;
  }
  const values = leafValues(module, weight.leaf);
  if (!values) return null;
  if (options.bits === 16) {
    storeHalf(editor, leaf, values, options.half);
    return { subject: weight.name, note: options.half, numbers: { bits: 16 } };
  }
  const scheme = schemeFor(leaf, options);
  const coded = coder.code(leaf.name, values, scheme.blocks);
  storeCodes(editor, leaf, scheme, coded, options.bits);
  const how = [scheme.label, ...(coded.grid.zeros ? ["affine"] : []), ...(coded.method === "round" ? [] : [coded.method])];
  return { subject: weight.name, note: `int${options.bits}, ${how.join(", ")}`, numbers: { bits: options.bits, mse: coded.error } };
}

/** A table of k values as 8-bit codes with one scale: pays from 2 entries on. */
function storeTable(module: Module, editor: ModuleEditor, weight: Weight, table: string, options: StoreOptions): ReportRow | null {
  const constant = module.constants.get(table);
  const values = leafValues(module, table);
  if (!constant || !values || values.length * 3 <= 4) return null;
  if (options.bits === 16) {
    storeHalf(editor, constant, values, options.half);
    return { subject: table, note: options.half, numbers: { bits: 16 } };
  }
  const scheme = wholeTensor("table");
  const grid = gridFor(values, scheme.blocks, { bits: 8, rule: options.calibration });
  const { codes, error } = quantizeWithGrid(values, grid);
  storeCodes(editor, constant, scheme, { grid, codes }, 8);
  return { subject: weight.name, note: `table of ${values.length} as int8`, numbers: { bits: 8, mse: error } };
}
