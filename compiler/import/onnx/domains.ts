/** @file Operator sets by their domains. */
import type { NodeProto } from "./proto/gen/onnx.js";

export function isStandard(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}

/** For messages. */
export function operatorName(node: Pick<NodeProto, "domain" | "opType">): string {
  return isStandard(node.domain) ? node.opType : `${node.domain}.${node.opType}`;
}
