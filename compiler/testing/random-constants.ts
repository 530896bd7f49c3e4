/** @file Random resources and constants: every storage, every dtype, definitions by whatever ops accept what is there. */
import { sha256 } from "@noble/hashes/sha2";
import { bytesToHex } from "@noble/hashes/utils";
import { type Attr, attr } from "../../ir-spec/core/attr.ts";
import type { Constant, DataStorage, Resource } from "../../ir-spec/core/constant.ts";
import { byteLengthOf } from "../../ir-spec/core/dtype.ts";
import { knownIntegers } from "../../ir-spec/core/editor.ts";
import { elementCount, staticShape, type TensorType } from "../../ir-spec/core/type.ts";
import type { OpDef } from "../../ir-spec/ops/define.ts";
import type { OpRegistry } from "../../ir-spec/ops/registry.ts";
import type { Random } from "../random/random.ts";
import { checkCall } from "../verify/call-check.ts";
import { type AttrWorld, randomOpAttrs } from "./random-attrs.ts";
import { freshName, once, pick, randomDoc, randomLocation, randomText, times } from "./random-names.ts";
import { randomBits, randomStaticType } from "./random-types.ts";

export function randomResource(random: Random, used: Set<string>, runnable: boolean): Resource {
  const bytes = times(64 + random.int(512), () => random.int(256));
  const content = Uint8Array.from(bytes);
  const attrs = new Map<string, Attr>([["bytes", attr.int(content.length)]]);
  if (once(random, 2)) attrs.set("sha256", attr.string(once(random, 2) ? bytesToHex(sha256(content)) : "9f2c51..."));
  const present = runnable || once(random, 2);
  return { name: freshName(random, used), path: randomText(random), attrs, doc: randomDoc(random), bytes: present ? content : null };
}

export function randomData(random: Random, used: Set<string>, resources: readonly Resource[], runnable: boolean): Constant {
  const type = randomStaticType(random);
  const storage = randomStorage(random, type, resources, runnable);
  return { kind: "data", name: freshName(random, used), type, storage, doc: randomDoc(random), loc: randomLocation(random) };
}

function randomStorage(random: Random, type: TensorType, resources: readonly Resource[], runnable: boolean): DataStorage {
  const count = elementCount(type);
  if (typeof count !== "number") throw new RangeError("constants have static types");
  const length = byteLengthOf(type.dtype, count);
  const resource = resources.length > 0 ? pick(random, resources) : null;
  switch (random.int(7)) {
    case 0:
      return { kind: "splat", element: randomBits(random, type.dtype, 1) };
    case 1:
      return { kind: "random", seed: once(random, 2) ? random.int(1000) : -9007199254740993n };
    case 2:
      if (!runnable) return { kind: "elided", sha256: bytesToHex(sha256(randomBits(random, "u8", 4))), length };
      break;
    case 3: {
      // A slice of a resource may hold any bits: no bool, no unused bits.
      const size = Number(resource?.attrs.get("bytes")?.value ?? 0);
      const sound = type.dtype !== "bool" && length * 8 === count * (length / Math.max(count, 1)) * 8;
      if (resource && sound && length <= size)
        return { kind: "resource", resource: resource.name, offset: random.int(size - length + 1), length };
      break;
    }
  }
  return { kind: "bytes", bytes: randomBits(random, type.dtype, count) };
}

/** A constant defined by one of the ops over the given ones, or null when no op would take them. */
export function randomDerived(
  random: Random,
  registry: OpRegistry,
  defs: readonly OpDef[],
  used: Set<string>,
  constants: readonly Constant[],
  world: AttrWorld,
): Constant | null {
  for (let attempt = 0; attempt < 20; attempt++) {
    const def = pick(random, defs);
    const attrs = randomOpAttrs(random, def, world);
    if (!attrs) continue;
    const operands = times(operandCount(random, def), () => (once(random, 6) ? null : pick(random, constants)));
    const types = operands.map((operand) => operand?.type ?? null);
    const known = (i: number) => (operands[i] ? knownIntegers(operands[i]) : null);
    const checked = checkCall(registry, { op: def.name, types, attrs, declared: [randomStaticType(random)], known });
    const [type, ...more] = checked.types ?? [];
    if (!type || more.length > 0 || !staticShape(type.shape)) continue;
    const names = operands.map((operand) => operand?.name ?? null);
    const head = { name: freshName(random, used), type, doc: randomDoc(random), loc: randomLocation(random) };
    return { kind: "derived", ...head, op: def.name, operands: names, attrs };
  }
  return null;
}

export function operandCount(random: Random, def: OpDef): number {
  const least = def.operands.filter((operand) => !operand.optional && !operand.variadic).length;
  const extra = def.operands.at(-1)?.variadic ? 3 : def.operands.length - least;
  return least + random.int(extra + 1);
}
