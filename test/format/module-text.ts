/** @file A module as text in which every difference shows: order of maps, sign of zeros, bits of NaNs, kinds of numbers, bytes. For comparing, not for reading. */
import type { Module } from "../../ir-spec/index.ts";

export function moduleText(module: Module): string {
  return JSON.stringify(plain(module), null, 1);
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return `bigint ${value}`;
  if (typeof value === "number") return Object.is(value, -0) ? "number -0" : Number.isFinite(value) ? value : `number ${value}`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
  if (value instanceof Map) return { entries: [...value].map(plain) };
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, plain((value as Record<string, unknown>)[key])]));
}
