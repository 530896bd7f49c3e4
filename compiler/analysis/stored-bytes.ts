/** @file Raw bytes of the data constants that a module reaches, equal content counted once (as the file stores it), before entropy coding. */
import { byteLengthOf, type DataConstant, dtypeInfo, elementCount, type Module, storageHash } from "../../ir-spec/index.ts";
import type { Analysis } from "../pass/pass.ts";
import { reachableConstants } from "./reachable.ts";

export const storedBytes: Analysis<number> = { name: "stored-bytes", compute: computeStoredBytes };

export function computeStoredBytes(module: Module): number {
  const seen = new Set<string>();
  let total = 0;
  for (const constant of reachableConstants(module).values()) {
    if (constant.kind !== "data") continue;
    const key = storageHash(constant.storage);
    if (seen.has(key)) continue;
    seen.add(key);
    total += dataBytes(constant);
  }
  return total;
}

/** Bytes that one data constant takes uncoded. A splat is one element, a random one its seed. */
export function dataBytes(constant: DataConstant): number {
  switch (constant.storage.kind) {
    case "splat":
      return Math.max(1, dtypeInfo(constant.type.dtype).bits / 8);
    case "random":
      return 8;
    default: {
      const count = elementCount(constant.type);
      return typeof count === "number" ? byteLengthOf(constant.type.dtype, count) : 0;
    }
  }
}
