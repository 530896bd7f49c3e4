/**
 * @file Random sound modules for property tests: the same seed gives the same module. They hold what is hard for a printer, a parser and a pass: quoted
 * names, docs, locations, attributes of every kind, every storage, every dtype, symbolic dims, owned and shared constants. With `kitOps` in
 * the registry anything connects to anything; other ops take part where they accept what is there.
 */
import type { AttrDict } from "../../ir-spec/core/attr.ts";
import type { Constant, Resource } from "../../ir-spec/core/constant.ts";
import type { Func, Module } from "../../ir-spec/core/graph.ts";
import type { OpRegistry } from "../../ir-spec/ops/registry.ts";
import { Random } from "../random/random.ts";
import { type AttrWorld, randomDict } from "./random-attrs.ts";
import { randomData, randomDerived, randomResource } from "./random-constants.ts";
import { randomFunction } from "./random-functions.ts";
import { freshName, once, randomDoc, times, upTo } from "./random-names.ts";

export interface RandomModuleOptions {
  /** Ops tried in each function; those that refuse their operands are left out. Default 12. */
  readonly ops?: number;
  /** Default up to 2 besides `@main`. */
  readonly functions?: number;
  /** Default up to 8. */
  readonly constants?: number;
  /** Only what the interpreter can run: static shapes, all bytes present. Default false. */
  readonly runnable?: boolean;
}

const nowhere: AttrWorld = { symbols: ["N", "K"], names: ["some", "where"], functions: [], introduce: () => null };

export function randomModule(random: Random, registry: OpRegistry, options: RandomModuleOptions = {}): Module {
  const used = new Set<string>(["main"]);
  const runnable = options.runnable ?? false;
  const resources = times(upTo(random, 2), () => randomResource(random, used, runnable));
  const constants = randomConstants(random, registry, used, resources, runnable, options.constants ?? upTo(random, 8));
  const functions = randomFunctions(random, registry, used, constants, options);
  const meta: AttrDict | null = once(random, 2) ? randomDict(random, nowhere) : null;
  return {
    version: "1.0",
    name: freshName(random, new Set()),
    doc: randomDoc(random),
    meta,
    metaDoc: meta ? randomDoc(random) : null,
    resources: new Map(resources.map((resource) => [resource.name, resource])),
    functions,
    constants,
  };
}

function randomConstants(
  random: Random,
  registry: OpRegistry,
  used: Set<string>,
  resources: readonly Resource[],
  runnable: boolean,
  count: number,
): ReadonlyMap<string, Constant> {
  const made: Constant[] = [];
  const defs = registry.list().filter((def) => !def.execute);
  for (let i = 0; i < count; i++) {
    const world: AttrWorld = { symbols: [], names: made.map(({ name }) => name), functions: [], introduce: () => null };
    const derived = made.length > 0 && once(random, 2) ? randomDerived(random, registry, defs, used, made, world) : null;
    made.push(derived ?? randomData(random, used, resources, runnable));
  }
  // A constant may be used before its definition.
  return new Map(random.shuffle(made).map((constant) => [constant.name, constant]));
}

function randomFunctions(
  random: Random,
  registry: OpRegistry,
  used: Set<string>,
  constants: ReadonlyMap<string, Constant>,
  options: RandomModuleOptions,
): ReadonlyMap<string, Func> {
  const functions = new Map<string, Func>();
  const names = ["main", ...times(options.functions ?? upTo(random, 2), () => freshName(random, used))];
  // The last one is made first, so that @main may call all others and nothing calls itself.
  for (const name of [...names].reverse()) {
    const world = {
      registry,
      defs: registry.list().filter((def) => !def.execute),
      constants,
      names: [...constants.keys(), ...functions.keys()],
      functions: [...functions.keys()],
      ops: options.ops ?? 12,
      symbolic: !(options.runnable ?? false),
    };
    functions.set(name, randomFunction(random, name, world));
  }
  return new Map([...functions].reverse());
}

/** For fast-check, without needing it: `fc.nat().map(moduleOfSeed(registry))` is an arbitrary of modules. */
export function moduleOfSeed(registry: OpRegistry, options: RandomModuleOptions = {}): (seed: number) => Module {
  return (seed) => randomModule(new Random(seed), registry, options);
}
