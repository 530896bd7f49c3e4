/**
 * @file The IR as an ONNX model. `exportOnnx` writes a whole model, or, for a runtime that rebuilds weights by itself, one without initializers: appending the bytes of a second
 * ModelProto whose graph has only initializers completes it, because protobuf merges concatenated messages. Source: the ONNX IR and operator specifications.
 */
import { type Func, type Module, type OpRegistry, TersorError } from "../../../ir-spec/index.ts";
import { onnx } from "../../import/onnx/proto/gen/onnx.js";
import { decomposeUnsupported } from "../../lower/decompose.ts";
import type { ExportRow, ExportTable } from "./call.ts";
import type { OutsideInitializer, WeightStyle } from "./constants.ts";
import { ExportFailure } from "./errors.ts";
import { type WrittenGraph, writeGraph } from "./graph.ts";
import { defaultOpset, modelProto, newestOpset, oldestOpset } from "./meta.ts";
import { coreRows, newOps } from "./table.ts";

export interface ExportOptions {
  readonly registry: OpRegistry;
  /** Version of the standard operator set, 13 to 26; default `chosenOpset`. */
  readonly opset?: number;
  /** `outside`: the model has none; see `outsideInitializers`. Default `inside`. */
  readonly initializers?: "inside" | "outside";
  /**
   * How constants that have a definition are written. `qdq` (default): quantized ones as integers with a `DequantizeLinear`, others by their value; 8-bit ones of a model with
   * quantized activations are unsigned with zero point 128 (see `unsignedCodes`), with `qdq-signed` as they are. `nbits`: as
   * `qdq`, but linear layers by weights of 2 or 4 bits, or with scales in blocks, are `com.microsoft.MatMulNBits`, an operator of ONNX Runtime. `dense`: all by their value. `decode`: as the nodes that
   * compute them, where ONNX has such.
   */
  readonly weights?: WeightStyle;
  /** What made the module, kept in the file as `com.tersor.pipeline`. */
  readonly pipeline?: string;
  /** Rows for ops that a plugin brings; they go before the core's. */
  readonly rows?: ExportTable;
}

/**
 * Serialized ModelProto of `@main`. Same module, same bytes.
 *
 * @throws TersorError with all problems: E1001 to E1009 (see `exportCodes`), E0502 where a constant's bytes are missing
 */
export function exportOnnx(module: Module, options: ExportOptions): Uint8Array {
  const main = mainOf(module);
  const { graph, domains, opset } = write(module, options, options.initializers === "outside");
  return onnx.ModelProto.encode(modelProto(module, main, graph, opset, options.pipeline ?? null, domains)).finish();
}

/**
 * The initializers that a model exported with `initializers: "outside"` (and otherwise the same options) lacks, in the order of their first use.
 *
 * @throws TersorError as `exportOnnx`
 */
export function outsideInitializers(module: Module, options: ExportOptions): readonly OutsideInitializer[] {
  return write(module, options, true).outside;
}

/** The operator set of a model that was asked for none: 21, the first with 4-bit integers, or the first that has all the ops. */
export function chosenOpset(module: Module, options: ExportOptions): number {
  if (options.opset !== undefined) return checkedOpset(options.opset);
  const { known } = decomposed(module, options);
  const used = [...known.functions.values()].flatMap((func) => func.ops.map((op) => newOps[op.name] ?? defaultOpset));
  return used.reduce((most, since) => Math.max(most, since), defaultOpset);
}

function decomposed(module: Module, { registry, rows: more = {} }: ExportOptions) {
  const rows: ReadonlyMap<string, ExportRow> = new Map([...coreRows, ...Object.entries(more)]);
  return { rows, known: decomposeUnsupported(module, registry, (_, __, op) => rows.has(op.name)) };
}

function write(module: Module, options: ExportOptions, outside: boolean): WrittenGraph & { readonly opset: number } {
  const { registry, weights = "qdq" } = options;
  const opset = chosenOpset(module, options);
  const { rows, known } = decomposed(module, options);
  // Constants that decomposing made are none of the module's: they are written in either case.
  const kept = outside ? new Set(module.constants.keys()) : null;
  return { ...writeGraph(known, mainOf(known), { registry, opset, weights, outside: kept, rows }), opset };
}

function mainOf(module: Module): Func {
  const main = module.functions.get("main");
  if (!main) throw new TersorError(new ExportFailure("E1009", "there is no function @main").at(`module @${module.name}`));
  return main;
}

function checkedOpset(opset: number): number {
  if (Number.isInteger(opset) && opset >= oldestOpset && opset <= newestOpset) return opset;
  throw new TersorError(new ExportFailure("E1007", `operator set ${opset} is not among ${oldestOpset} to ${newestOpset}`).at("model"));
}
