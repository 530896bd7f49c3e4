/** @file 64-bit integers of the protobuf reader as JavaScript values. */
import type { Int64 } from "./proto/gen/onnx.js";

export function toBigInt(value: Int64): bigint {
  if (typeof value === "number") return BigInt(value);
  const bits = (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
  return value.unsigned ? bits : BigInt.asIntN(64, bits);
}

/**
 * Saturates at the safe integers: beyond them ONNX files hold only stand-ins for infinity (`ends = INT64_MAX` of a slice), and sums that reach
 * them fail in dim arithmetic instead of being wrong.
 */
export function saturate(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
  if (value < BigInt(Number.MIN_SAFE_INTEGER)) return Number.MIN_SAFE_INTEGER;
  return Number(value);
}

export const toNumber = (value: Int64): number => saturate(toBigInt(value));
