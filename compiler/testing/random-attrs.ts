/** @file Random attributes: of every kind for notes and `meta`, and fitting ones for an op's record. */
import { type Attr, type AttrDict, attr } from "../../ir-spec/core/attr.ts";
import { dimSymbol } from "../../ir-spec/core/dim.ts";
import { f64FromBits } from "../../ir-spec/core/float-text.ts";
import type { AttrSpec } from "../../ir-spec/ops/attr-spec.ts";
import type { OpDef } from "../../ir-spec/ops/define.ts";
import type { Random } from "../random/random.ts";
import { freshName, once, pick, randomText, times, upTo } from "./random-names.ts";
import { randomDim, randomDType, randomType } from "./random-types.ts";

/** What attributes may refer to where they stand. */
export interface AttrWorld {
  /** Dim symbols known here. */
  readonly symbols: readonly string[];
  /** Constants, functions and resources of the module so far. */
  readonly names: readonly string[];
  /** Functions that a call may name. */
  readonly functions: readonly string[];
  /** Makes a dim symbol known here, or null where none can be introduced. */
  introduce(): string | null;
}

export function randomAttr(random: Random, world: AttrWorld, depth = 2): Attr {
  const leaves = [randomInt, randomFloat, randomWord, randomSizeAttr];
  const kind = random.int(depth > 0 ? 6 : 4);
  if (kind === 4) return attr.list(times(upTo(random, 3), () => randomAttr(random, world, depth - 1)));
  if (kind === 5) return { kind: "dict", value: randomDict(random, world, depth - 1) };
  return pick(random, leaves)(random, world);
}

export function randomDict(random: Random, world: AttrWorld, depth = 2): AttrDict {
  const used = new Set<string>();
  return new Map(times(upTo(random, 3), () => [freshName(random, used), randomAttr(random, world, depth)]));
}

function randomInt(random: Random): Attr {
  if (once(random, 2)) return attr.int(random.int(20) - 10);
  const high = BigInt(random.uint32()) << 32n;
  return attr.int(BigInt.asIntN(64, high | BigInt(random.uint32())));
}

function randomFloat(random: Random): Attr {
  if (once(random, 3)) return attr.float(pick(random, [0, -0, 1, 0.1, 1e21, 1e-7, 1.5e300, 5e-324, Number.POSITIVE_INFINITY, Number.NaN]));
  const exponent = once(random, 3) ? 0x7ffn : BigInt(random.int(2048));
  const fraction = (BigInt(random.int(2 ** 20)) << 32n) | BigInt(random.uint32());
  const bits = (BigInt(random.int(2)) << 63n) | (exponent << 52n) | fraction;
  const value = f64FromBits(bits);
  return Number.isNaN(value) && bits !== 0x7ff8000000000000n ? { kind: "float", value, bits } : { kind: "float", value };
}

function randomWord(random: Random, world: AttrWorld): Attr {
  const kind = random.int(4);
  if (kind === 0) return attr.bool(once(random, 2));
  if (kind === 1) return attr.enum(pick(random, ["f32", "none", "relu6", "a.b", "module", "return", "tensor", "require"]));
  if (kind === 2 && world.names.length > 0) return attr.symbol(pick(random, world.names));
  return attr.string(randomText(random));
}

function randomSizeAttr(random: Random, world: AttrWorld): Attr {
  if (once(random, 2)) return attr.type(randomType(random, world.symbols));
  const introduced = once(random, 4) ? world.introduce() : null;
  if (introduced !== null) return { kind: "dim", value: dimSymbol(introduced), introduces: true };
  return attr.dim(randomDim(random, world.symbols));
}

/** Attributes that the op's record reads, some left to their defaults, and now and then a note. null when none was found. */
export function randomOpAttrs(random: Random, def: OpDef, world: AttrWorld): AttrDict | null {
  const attrs = new Map<string, Attr>();
  for (const [name, spec] of Object.entries(def.attrs)) {
    if (!spec.required && !once(random, 3)) continue;
    const value = fittingAttr(random, spec, world);
    if (value) attrs.set(name, value);
    else if (spec.required) return null;
  }
  if (once(random, 4)) attrs.set(pick(random, ["kit.note", "my.plugin.x", "odd note.1", "b.2"]), randomAttr(random, world));
  return attrs;
}

function fittingAttr(random: Random, spec: AttrSpec<unknown>, world: AttrWorld): Attr | null {
  for (let attempt = 0; attempt < 12; attempt++) {
    const candidate = pick(random, candidates)(random, spec, world);
    if (candidate && spec.read(candidate) !== undefined) return candidate;
  }
  return null;
}

type Candidate = (random: Random, spec: AttrSpec<unknown>, world: AttrWorld) => Attr | null;

const candidates: readonly Candidate[] = [
  (random) => attr.int(random.int(6) - 2),
  (random) => attr.float(random.normal()),
  (random) => attr.bool(once(random, 2)),
  (random) => attr.string(randomText(random)),
  (random, spec) =>
    attr.enum(
      pick(
        random,
        spec.type
          .split(" | ")
          .filter((word) => /^[a-z][a-z0-9_.]*$/.test(word))
          .concat("none"),
      ),
    ),
  (random) => attr.enum(randomDType(random)),
  (random, _, world) => (world.functions.length > 0 ? attr.symbol(pick(random, world.functions)) : null),
  (random) => attr.list(times(upTo(random, 3), () => attr.int(random.int(4) - 1))),
  (random, _, world) => attr.list(times(upTo(random, 3), () => attr.dim(randomDim(random, world.symbols)))),
  (random, _, world) => attr.dim(randomDim(random, world.symbols)),
];
