/**
 * @file A plan as backends see it (`backend.ts`), over the checked records of a file. Constants stay where they are until a backend asks for their bytes.
 */
import { AttrKind } from "../ir-spec/format/codes.ts";
import type { Plan, PlanAttr, PlanConstant, PlanFunction, PlanOperand, PlanStep, PlanType } from "./backend.ts";
import type { OpenedFile } from "./open-file.ts";
import { planDim, planType } from "./plan-dim.ts";
import type { ConstantView, FuncView, OpView, ProgramView } from "./program-view.ts";

/** Target of the backend that runs source functions: no plan entry, the source itself is the plan. */
export const referenceTarget = "reference";

/** Targets that the file can run on, in its order; `reference` last, where source functions are kept. */
export function fileTargets(file: OpenedFile): readonly string[] {
  const names = file.view.plans.map((plan) => file.view.strings[plan.target] ?? "");
  return file.view.source ? [...names, referenceTarget] : names;
}

/** The plan for a target; null when the file has none. That of `reference` has no steps: its backend reads `plan.file`. */
export function filePlan(file: OpenedFile, target: string): Plan | null {
  const found = file.view.plans.find((plan) => file.view.strings[plan.target] === target);
  if (found) return new PlanReader(file, found.init, found.main).read(target);
  return target === referenceTarget && file.view.source ? sourcePlan(file) : null;
}

function sourcePlan(file: OpenedFile): Plan {
  const { view } = file;
  const none: PlanFunction = { values: [], params: 0, steps: [], returns: [] };
  const values = view.inputs.map((input) => planType(view, input.type));
  const main = { values, params: values.length, steps: [], returns: [] };
  return { target: referenceTarget, init: none, main, inputCount: values.length, constants: [], file };
}

class PlanReader {
  private readonly file: OpenedFile;
  private readonly view: ProgramView;
  private readonly init: FuncView;
  private readonly main: FuncView;
  private readonly types = new Map<number, PlanType>();
  private readonly attrs: AttrReader;
  /** Index in the file -> index in the plan, in order of first use. */
  private readonly constantIndex = new Map<number, number>();

  constructor(file: OpenedFile, init: FuncView, main: FuncView) {
    this.file = file;
    this.view = file.view;
    this.init = init;
    this.main = main;
    this.attrs = new AttrReader(file.view);
  }

  read(target: string): Plan {
    const init = this.func(this.init);
    const main = this.func(this.main);
    const constants = [...this.constantIndex.keys()].map((index) => this.constant(index));
    return { target, init, main, inputCount: this.view.inputs.length, constants, file: this.file };
  }

  private func(func: FuncView): PlanFunction {
    return {
      values: Array.from(func.types, (type) => this.type(type)),
      params: func.params,
      steps: func.ops.map((op) => this.step(op)),
      returns: Array.from(func.returns, (operand) => this.operand(operand)),
    };
  }

  private step(op: OpView): PlanStep {
    const name = this.view.strings[op.name] ?? "";
    const [, backend, kernel = name] = /^([^/:]+):(.*)$/s.exec(name) ?? [];
    return {
      ...(backend === undefined ? {} : { backend }),
      kernel,
      attrs: op.attrs === 0 ? {} : this.attrs.record(op.attrs - 1),
      operands: Array.from(op.operands, (operand) => this.operand(operand)),
      results: Array.from({ length: op.resultCount }, (_, i) => op.firstResult + i),
      origin: stepOrigin(this.view, op) ?? kernel,
    };
  }

  private operand(operand: number): PlanOperand {
    if (operand >= 0) return { kind: "value", value: operand };
    if (operand === -1) return { kind: "absent" };
    const index = -operand - 2;
    const known = this.constantIndex.get(index) ?? this.constantIndex.size;
    this.constantIndex.set(index, known);
    return { kind: "constant", constant: known };
  }

  private constant(index: number): PlanConstant {
    const { name, type, storage } = this.view.constants[index] as ConstantView;
    const { dtype, shape } = this.type(type);
    return { name: this.view.strings[name] ?? "", dtype, shape: shape as readonly number[], bytes: () => this.file.sectionBytes(storage) };
  }

  private type(index: number): PlanType {
    const type = this.types.get(index) ?? planType(this.view, index);
    this.types.set(index, type);
    return type;
  }
}

/** The op's name and, where it is known, the place that it came from: `nn.conv "Conv_3"`. */
function stepOrigin(view: ProgramView, op: OpView): string | null {
  const name = op.doc === 0 ? null : (view.strings[op.doc - 1] ?? null);
  const place = op.loc === 0 ? null : lastPart(view, op.loc - 1);
  return place === null ? name : `${name ?? view.strings[op.name]} ${place}`;
}

/** Last part of the first place of a location. */
function lastPart(view: ProgramView, loc: number): string | null {
  const first = view.attrs[view.listItems[view.attrs[loc]?.a ?? 0] ?? 0];
  const last = first && view.attrs[view.listItems[first.a + first.b - 1] ?? 0];
  if (!last) return null;
  return last.kind === AttrKind.string ? JSON.stringify(view.strings[last.a]) : String(int64(last.a, last.b));
}

/** Attributes as plain values, each made once. */
export class AttrReader {
  private readonly view: ProgramView;
  private readonly values = new Map<number, PlanAttr>();

  constructor(view: ProgramView) {
    this.view = view;
  }

  /** `index` is a dict. */
  record(index: number): Readonly<Record<string, PlanAttr>> {
    return this.value(index) as Readonly<Record<string, PlanAttr>>;
  }

  value(index: number): PlanAttr {
    const known = this.values.get(index);
    if (known !== undefined) return known;
    const made = this.make(index);
    this.values.set(index, made);
    return made;
  }

  private make(index: number): PlanAttr {
    const { view } = this;
    const { kind, a, b } = view.attrs[index] ?? { kind: AttrKind.bool, a: 0, b: 0 };
    switch (kind) {
      case AttrKind.int:
        return plainInteger(int64(a, b));
      case AttrKind.uint:
        return BigInt.asUintN(64, int64(a, b));
      case AttrKind.float:
      case AttrKind.nan:
        return float64(a, b);
      case AttrKind.bool:
        return a !== 0;
      case AttrKind.type:
        return { ...planType(view, a) };
      case AttrKind.dim:
        return planDim(view, a);
      case AttrKind.list:
        return Array.from(view.listItems.subarray(a, a + b), (item) => this.value(item));
      case AttrKind.dict:
        return Object.fromEntries(view.dictItems.slice(a, a + b).map(({ key, value }) => [view.strings[key] ?? "", this.value(value)]));
      default:
        return view.strings[a] ?? "";
    }
  }
}

export function int64(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

export function float64(low: number, high: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setInt32(0, low, true);
  view.setInt32(4, high, true);
  return view.getFloat64(0, true);
}

function plainInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
