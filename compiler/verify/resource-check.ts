/** @file A resource's bytes against what its dict says of them: `bytes` (their number) and `sha256` (of all of them, 64 hex digits). */
import { sha256 } from "@noble/hashes/sha2";
import { bytesToHex } from "@noble/hashes/utils";
import type { Resource } from "../../ir-spec/core/constant.ts";
import type { Problem } from "../../ir-spec/core/problem.ts";
import { problemOf } from "../diagnostics/diagnostic.ts";

export function resourceProblems(resource: Resource): readonly Problem[] {
  const { name, attrs, bytes } = resource;
  if (!bytes) return [];
  const problems: Problem[] = [];
  const declared = attrs.get("bytes");
  if (declared?.kind === "int" && Number(declared.value) !== bytes.length) {
    problems.push(problemOf("E0210", [name, "size", String(bytes.length), String(declared.value)]));
  }
  const hash = attrs.get("sha256");
  // A shortened hash is for people: nothing to check.
  if (hash?.kind !== "string" || !/^[0-9a-f]{64}$/i.test(hash.value)) return problems;
  const actual = bytesToHex(sha256(bytes));
  if (actual !== hash.value.toLowerCase()) problems.push(problemOf("E0210", [name, "sha256", actual, hash.value]));
  return problems;
}

/** Number of bytes, as far as they are there or declared. */
export function resourceSize(resource: Resource): number | null {
  if (resource.bytes) return resource.bytes.length;
  const declared = resource.attrs.get("bytes");
  return declared?.kind === "int" && typeof declared.value === "number" ? declared.value : null;
}
