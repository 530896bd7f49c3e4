/**
 * @file ONNX to the IR: the file's graph becomes `@main`, its initializers constants, its operators core ops. Names are kept, and every op says which node it
 * came from. Source: the ONNX IR and operator specifications, operator sets 1 to 28.
 */
import { type Module, type OpRegistry, type Problem, TersorError } from "../../../ir-spec/index.ts";
import { checkBatch, type Rebatched, rebatch } from "./dynamic-batch.ts";
import { ImportFailure } from "./errors.ts";
import { type Param, translateGraph } from "./graph.ts";
import { toNumber } from "./int64.ts";
import { metaOf } from "./meta.ts";
import { type GraphProto, type ModelProto, onnx } from "./proto/gen/onnx.js";
import { DimSymbols } from "./symbols.ts";
import { isStandard, newestOpset } from "./table.ts";

export interface ImportOptions {
  readonly registry: OpRegistry;
  /** Stands in locations; `model.onnx` when absent. */
  readonly fileName?: string;
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
  const failAt = (error: unknown): never => {
    if (error instanceof ImportFailure) throw new TersorError(error.at("model", [{ file: fileName, parts: [] }]));
    throw error;
  };
  try {
    const { model, graph } = decodeModel(bytes);
    return importModel(model, graph, { ...options, fileName });
  } catch (error) {
    return failAt(error);
  }
}

/** @throws ImportFailure E0601 */
function decodeModel(bytes: Uint8Array): { readonly model: ModelProto; readonly graph: GraphProto } {
  const hint = "is it a whole .onnx file?";
  let model: ModelProto;
  try {
    model = onnx.ModelProto.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    throw new ImportFailure("E0601", `not readable as an ONNX model: ${error instanceof Error ? error.message : String(error)}`, hint);
  }
  if (!model.graph) throw new ImportFailure("E0601", `${bytes.length} bytes that hold no ONNX graph`, hint);
  return { model, graph: model.graph };
}

function importModel(model: ModelProto, graph: GraphProto, options: ImportOptions & { readonly fileName: string }): Module {
  const symbols = new DimSymbols();
  let rebatched: Rebatched | null = null;
  const translated = translateGraph(graph, graph.name || "model", {
    registry: options.registry,
    fileName: options.fileName,
    opset: opsetOf(model),
    symbols,
    functions: new Set(model.functions.map((f) => `${f.domain}:${f.name}`)),
    ...(options.dynamicBatch ? { rebatch: (params: readonly Param[]) => (rebatched = rebatch(params, symbols)) } : {}),
  });
  const batch = rebatched as Rebatched | null;
  const main = translated.editor.function("main");
  const problems = batch ? translated.problems.map(blameBatch) : translated.problems;
  if (problems.length > 0) throw new TersorError(problems);
  const mixing = batch ? checkBatch(main, batch.batch.dim) : [];
  if (mixing.length > 0) throw new TersorError(mixing);
  const report = batch && { symbol: batch.batch.dim.key, inputs: batch.inputs, reshapes: batch.batch.reshapes };
  const doc = [graph.docString, model.docString].find((text) => text !== "")?.replace(/\r\n?/g, "\n") ?? null;
  translated.editor.set({ meta: metaOf(model, symbols.originals, report), doc });
  return translated.editor.freeze();
}

/** Type errors that come from the wider batch say so. */
function blameBatch(problem: Problem): Problem {
  if (!problem.code.startsWith("E03") && problem.code !== "E0608") return problem;
  return { ...problem, code: "E0610", message: `with a dynamic batch: ${problem.message}`, hint: "import without dynamicBatch" };
}

/** Version of the standard operator set. Files of IR version 1 and 2 have none and mean version 1. @throws ImportFailure E0611 */
function opsetOf(model: ModelProto): number {
  const standard = model.opsetImport.find((o) => isStandard(o.domain));
  if (!standard && toNumber(model.irVersion) >= 3) throw new ImportFailure("E0611", "the model imports no standard operator set");
  const version = standard ? toNumber(standard.version) : 1;
  if (version < 1 || version > newestOpset) {
    const hint = `convert the model to opset ${newestOpset} or older`;
    throw new ImportFailure("E0611", `operator set ${version} is not among the known versions 1 to ${newestOpset}`, hint);
  }
  return version;
}
