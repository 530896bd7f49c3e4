/** @file What nodes are translated into: the function that is being written, names in scope, and what all bodies of a model share. */
import type { FunctionEditor, ModuleEditor, OpRegistry } from "../../../ir-spec/index.ts";
import type { GivenAttributes } from "./attributes.ts";
import type { ConstantPool } from "./constants.ts";
import type { ExternalFiles } from "./external-data.ts";
import type { FunctionTable } from "./function-table.ts";
import type { BatchSymbol } from "./node.ts";
import type { NodeProto } from "./proto/gen/onnx.js";
import type { Scope } from "./scope.ts";
import type { DimSymbols } from "./symbols.ts";

/** What all bodies of a model share. */
export interface ModelContext {
  readonly registry: OpRegistry;
  readonly fileName: string;
  readonly editor: ModuleEditor;
  readonly constants: ConstantPool;
  readonly symbols: DimSymbols;
  readonly functions: FunctionTable;
  readonly batch: BatchSymbol | null;
  /** Elements of the lists of sizes so far. */
  readonly listed: { count: number };
  /** Tensor data in other files. */
  readonly files: ExternalFiles;
  /** Bytes that sparse tensors took so far. */
  readonly spelledOut: { bytes: number };
  /** Nodes that may still be translated beyond those that the file's graph has: of functions, subgraphs and copies of them. */
  readonly copies: { left: number };
  /** Translates nodes into a body: for functions and subgraphs, whose nodes are like all others. */
  readonly addNodes: (nodes: readonly NodeProto[], body: Body) => void;
}

/** Versions of the operator sets, by domain; the standard one is the empty string. */
export type Opsets = ReadonlyMap<string, number>;

/** What nodes are put into. */
export interface Body {
  readonly model: ModelContext;
  readonly scope: Scope;
  readonly func: FunctionEditor;
  readonly opsets: Opsets;
  /** Attributes of the call, in the body of a function. */
  readonly given: GivenAttributes | null;
  /** Names of values that the function has; null where the body's own names are not kept. */
  readonly names: Set<string> | null;
  /** Names that some node computes, for messages. */
  readonly computes: (name: string) => boolean;
  /** Functions whose bodies this stands in. */
  readonly calls: readonly string[];
  /** How many subgraphs and functions this stands in. */
  readonly depth: number;
}

/** Deeper subgraphs and functions are refused. */
export const deepest = 32;
