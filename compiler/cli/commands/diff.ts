/** @file `tersor diff A B`: two models of any format side by side: ops added, removed and changed per function, size, and the error of each constant. */
import type { Command } from "commander";
import {
  attrDictEquals,
  type Constant,
  describeForm,
  evaluateConstant,
  type Func,
  type Module,
  type Op,
  type OpRegistry,
  operandType,
  printType,
  toNumbers,
  valueInfo,
  weightForm,
} from "../../../ir-spec/index.ts";
import { reachableConstants } from "../../analysis/reachable.ts";
import { dataBytes } from "../../analysis/stored-bytes.ts";
import { type TensorError, tensorError } from "../../analysis/tensor-error.ts";
import { createHost } from "../../plugin/host.ts";
import { type ConfigFlags, loadConfig } from "../config.ts";
import { type OpenedModel, openModel } from "../models.ts";
import { bytesText, type Output, table } from "../output.ts";

interface FunctionDiff {
  readonly name: string;
  readonly opsA: number;
  readonly opsB: number;
  /** `result = op`. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** `result = op: what`. */
  readonly changed: readonly string[];
}

interface ConstantDiff extends TensorError {
  readonly name: string;
  readonly type: string;
  readonly encodingA: string;
  readonly encodingB: string;
  /** Data bytes of everything that the definition reaches. */
  readonly bytesA: number;
  readonly bytesB: number;
}

export function addDiff(program: Command, output: () => Output): void {
  program
    .command("diff")
    .description("compare two models of any format: structure, size, error of each constant")
    .argument("<a>", ".onnx, .tir or .tsr")
    .argument("<b>", ".onnx, .tir or .tsr")
    .addHelpText("after", "\nExample:\n  tersor diff model.onnx model.tsr")
    .action(async (a: string, b: string, flags: ConfigFlags) => {
      const { ops } = createHost((await loadConfig(flags)).plugins);
      const [one, two] = [await openModel(a, { registry: ops }), await openModel(b, { registry: ops })];
      const object = diffModels(one, two, ops, output());
      output().result({ ...object }, render(object));
    });
}

export function diffModels(a: OpenedModel, b: OpenedModel, registry: OpRegistry, output: Output): Diff {
  const functions = functionDiffs(a.module, b.module);
  const { constants, onlyA, onlyB } = constantDiffs(a.module, b.module, registry, output);
  const same = functions.every((f) => f.added.length + f.removed.length + f.changed.length === 0);
  const identical = same && onlyA.length + onlyB.length === 0 && constants.every((c) => c.maxAbs === 0);
  const sizes = { bytesA: a.size, bytesB: b.size, ratio: a.size / b.size };
  return { a: a.path, b: b.path, ...sizes, identical, functions, constants, onlyA, onlyB };
}

function functionDiffs(a: Module, b: Module): readonly FunctionDiff[] {
  const names = [...new Set([...a.functions.keys(), ...b.functions.keys()])];
  return names.map((name) => functionDiff(name, a, a.functions.get(name), b, b.functions.get(name)));
}

/** Ops are matched by the name of their first result, unnamed ones by their kind and turn. */
function functionDiff(name: string, a: Module, left: Func | undefined, b: Module, right: Func | undefined): FunctionDiff {
  const [one, two] = [opsByName(left), opsByName(right)];
  const missing = (from: ReadonlyMap<string, Op>, in_: ReadonlyMap<string, Op>) =>
    [...from].filter(([key, op]) => in_.get(key)?.name !== op.name).map(([key, op]) => `${key} = ${op.name}`);
  const changed = [...one].flatMap(([key, op]) => {
    const other = two.get(key);
    if (!left || !right || other?.name !== op.name) return [];
    const what = changes(a, left, op, b, right, other);
    return what.length === 0 ? [] : [`${key} = ${op.name}: ${what.join(", ")}`];
  });
  return { name, opsA: one.size, opsB: two.size, added: missing(two, one), removed: missing(one, two), changed };
}

function opsByName(func: Func | undefined): ReadonlyMap<string, Op> {
  const turns = new Map<string, number>();
  return new Map(
    (func?.ops ?? []).map((op) => {
      const named = func && op.results[0] !== undefined ? valueInfo(func, op.results[0]).name : null;
      const turn = (turns.get(op.name) ?? 0) + 1;
      turns.set(op.name, turn);
      return [named === null ? `${op.name}#${turn}` : `%${named}`, op] as const;
    }),
  );
}

function changes(a: Module, left: Func, op: Op, b: Module, right: Func, other: Op): readonly string[] {
  const types = (module: Module, func: Func, { operands, results }: Op) =>
    [...operands.map((operand) => operandType(module, func, operand)), ...results.map((id) => valueInfo(func, id).type)]
      .map((type) => (type ? printType(type) : "_"))
      .join(" ");
  const operand = (func: Func, { operands }: Op) =>
    operands.map((o) => (typeof o === "number" ? (valueInfo(func, o).name ?? "") : (o ?? "_"))).join(" ");
  return [
    ...(attrDictEquals(op.attrs, other.attrs) ? [] : ["attributes"]),
    ...(types(a, left, op) === types(b, right, other) ? [] : ["types"]),
    ...(operand(left, op) === operand(right, other) ? [] : ["operands"]),
  ];
}

interface Constants {
  readonly constants: readonly ConstantDiff[];
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
}

/** Constants that functions use; what these are made of counts with them. */
function constantDiffs(a: Module, b: Module, registry: OpRegistry, output: Output): Constants {
  const [one, two] = [usedConstants(a), usedConstants(b)];
  const bar = output.progress("diff");
  const shared = [...one.keys()].filter((name) => sameShape(one.get(name), two.get(name)));
  const constants = shared.map((name, i) => {
    bar.update(i / shared.length, name);
    const values = (module: Module) => toNumbers(evaluateConstant(module, registry, name));
    return {
      name,
      type: printType((one.get(name) as Constant).type),
      encodingA: describeForm(weightForm(a, name)),
      encodingB: describeForm(weightForm(b, name)),
      bytesA: definitionBytes(a, name),
      bytesB: definitionBytes(b, name),
      ...tensorError(values(a), values(b)),
    };
  });
  bar.done();
  const rest = (from: ReadonlyMap<string, Constant>) =>
    [...from].filter(([name]) => !shared.includes(name)).map(([name, c]) => `@${name}: ${printType(c.type)}`);
  return { constants, onlyA: rest(one), onlyB: rest(two) };
}

function usedConstants(module: Module): ReadonlyMap<string, Constant> {
  const names = new Set(
    [...module.functions.values()].flatMap((f) =>
      [...f.ops.flatMap((op) => op.operands), ...f.returns].filter((o) => typeof o === "string"),
    ),
  );
  return new Map([...module.constants].filter(([name]) => names.has(name)));
}

function sameShape(a: Constant | undefined, b: Constant | undefined): boolean {
  return a !== undefined && b !== undefined && a.type.shape.join() === b.type.shape.join();
}

export function definitionBytes(module: Module, name: string): number {
  return [...reachableConstants(module, [name]).values()].reduce((n, c) => n + (c.kind === "data" ? dataBytes(c) : 0), 0);
}

interface Diff extends Constants {
  readonly a: string;
  readonly b: string;
  readonly bytesA: number;
  readonly bytesB: number;
  readonly ratio: number;
  readonly identical: boolean;
  readonly functions: readonly FunctionDiff[];
}

function render(diff: Diff): string {
  const lines = diff.functions.flatMap(({ name, opsA, opsB, added, removed, changed }) => [
    `@${name}: ${opsA} ops -> ${opsB} ops`,
    ...removed.map((text) => `  - ${text}`),
    ...added.map((text) => `  + ${text}`),
    ...changed.map((text) => `  ~ ${text}`),
  ]);
  const rows = diff.constants.map((c) => [
    c.name,
    c.type,
    c.encodingA === c.encodingB ? c.encodingA : `${c.encodingA} -> ${c.encodingB}`,
    bytesText(c.bytesA),
    bytesText(c.bytesB),
    c.maxAbs.toExponential(2),
    `${(100 * c.relativeRms).toFixed(3)} %`,
    c.sqnr === null ? "" : c.sqnr.toFixed(1),
  ]);
  return [
    ...lines,
    ...(rows.length === 0 ? [] : [table(["constant", "type", "encoding", "bytes a", "bytes b", "max abs", "rel RMS", "SQNR dB"], rows)]),
    ...diff.onlyA.map((text) => `- ${text}`),
    ...diff.onlyB.map((text) => `+ ${text}`),
    `${diff.a}: ${bytesText(diff.bytesA)} bytes, ${diff.b}: ${bytesText(diff.bytesB)} bytes (${diff.ratio.toFixed(2)} times smaller)${diff.identical ? ", identical" : ""}`,
  ].join("\n");
}
