/**
 * @file ONNX to the IR: the file's graph becomes `@main`, its initializers constants, its operators core ops. Names are kept, and every op says which node it
 * came from. Source: the ONNX IR and operator specifications, operator sets 1 to 28.
 */
import { type HostTensor, type Module, type OpRegistry, type Problem, TersorError } from "../../../ir-spec/index.ts";
import type { Opsets } from "./body-context.ts";
import { isStandard } from "./domains.ts";
import { checkBatch, rebatch } from "./dynamic-batch.ts";
import { ImportFailure } from "./errors.ts";
import { type ExternalData, ExternalFiles } from "./external-data.ts";
import { opsetsOf } from "./functions.ts";
import { type GraphOptions, type Param, type TranslatedGraph, translateGraph } from "./graph.ts";
import { toNumber } from "./int64.ts";
import { countMessages, mostMessages } from "./message-count.ts";
import { metaOf } from "./meta.ts";
import { type GraphProto, type ModelProto, onnx } from "./proto/gen/onnx.js";
import { DimSymbols } from "./symbols.ts";
import { newestOpset } from "./table.ts";

export interface ImportOptions {
  readonly registry: OpRegistry;
  /** Stands in locations; `model.onnx` when absent. */
  readonly fileName?: string;
  /** Inputs that become constants, by name: for the shapes, axes and rates that some models take as inputs, and a compiled model must know. */
  readonly fixed?: Readonly<Record<string, HostTensor>>;
  /** Files that hold tensor data beside the model. Large tensors are read when a pass or the emitter needs them, not before. */
  readonly externalData?: ExternalData;
  /**
   * Replaces a leading size of 1 in every input by a symbol, if it can be proved that the samples of a batch stay apart. `meta` says what was
   * changed: `dynamic_batch = {symbol = "N", inputs = [...], reshapes = [...]}`.
   */
  readonly dynamicBatch?: boolean;
}

/**
 * Reads an ONNX model. Constants are views of `bytes`, which must not change afterwards.
 *
 * @throws TersorError with all problems: E0601 to E0611 (see `importCodes`), or E03xx where an op rejects the types of a node
 */
export function importOnnx(bytes: Uint8Array, options: ImportOptions): Module {
  const fileName = options.fileName ?? "model.onnx";
  try {
    const { model, graph } = decodeModel(bytes);
    return importModel(model, graph, { ...options, fileName });
  } catch (error) {
    if (error instanceof ImportFailure) throw new TersorError(error.at("model", [{ file: fileName, parts: [] }]));
    throw error;
  }
}

/** @throws ImportFailure E0601 */
function decodeModel(bytes: Uint8Array): { readonly model: ModelProto; readonly graph: GraphProto } {
  const hint = "is it a whole .onnx file?";
  let model: ModelProto;
  const most = mostMessages(bytes.length);
  if (countMessages(bytes, most) > most)
    throw new ImportFailure("E0601", `more than ${most} nodes, tensors, attributes and types in ${bytes.length} bytes: not a model`);
  try {
    model = onnx.ModelProto.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    throw new ImportFailure("E0601", `not readable as an ONNX model: ${error instanceof Error ? error.message : String(error)}`, hint);
  }
  if (!model.graph) throw new ImportFailure("E0601", `${bytes.length} bytes that hold no ONNX graph`, hint);
  return { model, graph: model.graph };
}

type NamedOptions = ImportOptions & { readonly fileName: string };

function importModel(model: ModelProto, graph: GraphProto, options: NamedOptions): Module {
  const { editor, problems, batch, symbols } = translateSomeCase(model, graph, options);
  if (problems.length > 0) throw new TersorError(batch ? blame(model, graph, options, problems) : problems);
  const mixing = batch ? checkBatch(editor.function("main"), batch.dim) : [];
  if (mixing.length > 0) throw new TersorError(mixing);
  const doc = [graph.docString, model.docString].find((text) => text !== "")?.replace(/\r\n?/g, "\n") ?? null;
  editor.set({ meta: metaOf(model, symbols.originals, batch), doc });
  return editor.freeze();
}

/** Assumptions that are tried the other way. */
const mostTried = 8;

/** Where an `If` asks about sizes, the branch of ordinary sizes; the other branch of one `If` when the model makes no sense with those. */
function translateSomeCase(
  model: ModelProto,
  graph: GraphProto,
  options: NamedOptions,
): TranslatedGraph & { readonly symbols: DimSymbols } {
  const attempt = (symbols: DimSymbols) => {
    const rebatching = options.dynamicBatch ? (params: readonly Param[]) => rebatch(params, symbols) : null;
    return { ...translate(model, graph, options, symbols, rebatching), symbols };
  };
  const usual = attempt(new DimSymbols());
  if (usual.problems.length === 0) return usual;
  for (let against = 0; against < Math.min(usual.symbols.assumptions, mostTried); against++) {
    const other = attempt(new DimSymbols(against));
    if (other.problems.length === 0) return other;
  }
  return usual;
}

function translate(
  model: ModelProto,
  graph: GraphProto,
  options: NamedOptions,
  symbols: DimSymbols,
  rebatching: GraphOptions["rebatch"],
): TranslatedGraph {
  const { registry, fileName, fixed = {} } = options;
  const rest = {
    opsets: opsetsOfModel(model, graph),
    symbols,
    files: new ExternalFiles(options.externalData ?? null),
    functions: model.functions,
    fixed,
    rebatch: rebatching,
  };
  return translateGraph(graph, graph.name || "model", { registry, fileName, ...rest });
}

/** Problems of a model that has them anyway, or else of the wider batch, which say so. */
function blame(model: ModelProto, graph: GraphProto, options: NamedOptions, problems: readonly Problem[]): readonly Problem[] {
  const before = translate(model, graph, options, new DimSymbols(), null).problems;
  const hint = "import without dynamicBatch, or export the model with a symbolic batch";
  const widened = problems.map((p) => ({ ...p, code: "E0610", message: `the batch cannot be made dynamic: ${p.message}`, hint }));
  return before.length > 0 ? before : widened;
}

/** Versions by domain. Files of IR version 1 and 2 have none and mean version 1. @throws ImportFailure E0611 */
function opsetsOfModel(model: ModelProto, graph: GraphProto): Opsets {
  const opsets = opsetsOf(model.opsetImport);
  const standard = opsets.get("") ?? (toNumber(model.irVersion) >= 3 ? null : 1);
  if (standard === null && (graph.node.length === 0 || graph.node.some(({ domain }) => isStandard(domain))))
    throw new ImportFailure("E0611", "the model imports no standard operator set");
  for (const version of [standard ?? newestOpset, ...model.functions.flatMap((f) => opsetsOf(f.opsetImport).get("") ?? [])]) {
    if (version >= 1 && version <= newestOpset) continue;
    const hint = `convert the model to opset ${newestOpset} or older`;
    throw new ImportFailure("E0611", `operator set ${version} is not among the known versions 1 to ${newestOpset}`, hint);
  }
  return new Map([...opsets, ["", standard ?? newestOpset]]);
}
