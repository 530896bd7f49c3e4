/**
 * @file A function of a plan with its sizes known: which values share storage (views), how long each storage lives, and where it lies. Storage ids: the function's values, then the
 * plan's constants.
 */
import type { PlanFunction, PlanOperand, PlanStep, PlanType } from "../../backend.ts";
import { sizeOf } from "../../plan-dim.ts";
import { byteLength, elementCount } from "../../tensor.ts";
import { type Interval, placeIntervals } from "./arena.ts";
import type { TensorAt, TensorShape } from "./kernel.ts";

export interface LayoutInput {
  readonly func: PlanFunction;
  /** Of the plan. */
  readonly constants: readonly TensorShape[];
  readonly bindings: ReadonlyMap<string, number>;
  isView(step: PlanStep): boolean;
  /** Bytes of working memory that a step wants. */
  scratch(step: PlanStep, shapes: Shapes): number;
}

/** Types with the symbols bound. */
export interface Shapes {
  value(id: number): TensorShape;
  operand(operand: PlanOperand): TensorShape | null;
}

export function bindShapes({ func, constants, bindings }: LayoutInput): Shapes {
  const values = func.values.map(({ dtype, shape }: PlanType) => ({ dtype, shape: shape.map((dim) => sizeOf(dim, bindings)) }));
  return {
    value: (id) => values[id] as TensorShape,
    operand: (operand) => {
      if (operand.kind === "absent") return null;
      return (operand.kind === "value" ? values[operand.value] : constants[operand.constant]) ?? null;
    },
  };
}

export function bytesOf({ dtype, shape }: TensorShape): number {
  return byteLength(dtype, elementCount(shape));
}

export class Layout {
  readonly func: PlanFunction;
  readonly shapes: Shapes;
  private readonly input: LayoutInput;
  /** Storage id of each value. */
  private readonly storages: Int32Array;
  /** Address of each storage that has one. */
  private readonly addresses = new Map<number, number>();
  private readonly scratchAt: number[] = [];

  constructor(input: LayoutInput) {
    this.input = input;
    this.func = input.func;
    this.shapes = bindShapes(input);
    this.storages = storageIds(input.func, input.isView);
  }

  storageOf(operand: PlanOperand): number | null {
    if (operand.kind === "absent") return null;
    return operand.kind === "constant" ? this.func.values.length + operand.constant : (this.storages[operand.value] as number);
  }

  storageBytes(storage: number): number {
    const values = this.func.values.length;
    return bytesOf(storage < values ? this.shapes.value(storage) : (this.input.constants[storage - values] as TensorShape));
  }

  /** Gives a storage its address beforehand; `place` leaves it there. */
  fix(storage: number, address: number): void {
    this.addresses.set(storage, address);
  }

  isPlaced(storage: number): boolean {
    return this.addresses.has(storage);
  }

  /** Places every other storage, and each step's scratch, from `base` on; returns the end. */
  place(base: number): number {
    const lives = this.lifetimes();
    const storages = [...lives.keys()];
    const scratch = this.func.steps.map((step) => this.input.scratch(step, this.shapes));
    const wanted = scratch.flatMap((bytes, i) => (bytes > 0 ? [i] : []));
    const intervals: Interval[] = [
      ...storages.map((id) => ({ bytes: Math.max(1, this.storageBytes(id)), ...(lives.get(id) as Life) })),
      ...wanted.map((i) => ({ bytes: scratch[i] as number, first: i, last: i })),
    ];
    const { offsets, bytes } = placeIntervals(intervals);
    storages.forEach((id, k) => {
      this.addresses.set(id, base + (offsets[k] as number));
    });
    wanted.forEach((step, k) => {
      this.scratchAt[step] = base + (offsets[storages.length + k] as number);
    });
    return base + bytes;
  }

  tensor(operand: PlanOperand): TensorAt | null {
    const storage = this.storageOf(operand);
    const shape = this.shapes.operand(operand);
    return storage === null || shape === null ? null : { ...shape, ptr: this.addresses.get(storage) as number };
  }

  /** 0 for a step that wants none. */
  scratch(step: number): number {
    return this.scratchAt[step] ?? 0;
  }

  /** Of the storages without an address: parameters live from before the first step, returned values to after the last, constants from their first use. */
  private lifetimes(): ReadonlyMap<number, Life> {
    const lives = new Map<number, Life>();
    const touch = (storage: number | null, at: number) => {
      if (storage === null || this.addresses.has(storage)) return;
      const life = lives.get(storage);
      if (life) life.last = Math.max(life.last, at);
      else lives.set(storage, { first: at, last: at });
    };
    for (let param = 0; param < this.func.params; param++) touch(param, -1);
    this.func.steps.forEach((step, at) => {
      for (const operand of step.operands) touch(this.storageOf(operand), at);
      for (const value of step.results) touch(this.storages[value] as number, at);
    });
    for (const operand of this.func.returns) touch(this.storageOf(operand), this.func.steps.length);
    return lives;
  }
}

interface Life {
  first: number;
  last: number;
}

function storageIds(func: PlanFunction, isView: (step: PlanStep) => boolean): Int32Array {
  const ids = Int32Array.from(func.values, (_, i) => i);
  for (const step of func.steps) {
    const [source] = step.operands;
    const [result] = step.results;
    if (!isView(step) || !source || result === undefined || source.kind === "absent") continue;
    ids[result] = source.kind === "constant" ? func.values.length + source.constant : (ids[source.value] as number);
  }
  return ids;
}
