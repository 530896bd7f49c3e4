/** @file Which functions a model defines itself (ONNX IR, `FunctionProto`). */
import { isStandard } from "./domains.ts";
import type { FunctionProto, NodeProto } from "./proto/gen/onnx.js";

/** The functions of a model, by domain, name and overload. */
export class FunctionTable {
  private readonly byKey: ReadonlyMap<string, FunctionProto>;

  constructor(functions: readonly FunctionProto[]) {
    this.byKey = new Map(functions.map((f) => [functionKey(f.domain, f.name, f.overload), f]));
  }

  get(node: NodeProto): FunctionProto | null {
    return this.byKey.size === 0 ? null : (this.byKey.get(functionKey(node.domain, node.opType, node.overload)) ?? null);
  }
}

export const functionKey = (domain: string, name: string, overload: string): string =>
  JSON.stringify([isStandard(domain) ? "" : domain, name, overload]);
