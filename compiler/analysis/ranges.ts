/**
 * @file Which integers a value may hold: one interval per value, by interval arithmetic (Moore, "Interval Analysis", 1966) over exact integers, forward through a body. What is not known is
 * the whole range of the dtype, so an answer is always safe. Truth values are 0 and 1; floats have no interval.
 */
import {
  type AttrDict,
  type DType,
  dtypeInfo,
  evaluateConstant,
  type Func,
  type HostTensor,
  integerRange,
  isFloat,
  type Module,
  type Op,
  type Operand,
  type OpRegistry,
  operandType,
  type TensorType,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";

/** Both ends belong to it. */
export interface Range {
  readonly min: bigint;
  readonly max: bigint;
}

/** Interval of each integer operand (null: a float, or absent), and what the op is. */
export interface RangeContext {
  readonly ranges: readonly (Range | null)[];
  readonly types: readonly (TensorType | null)[];
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly TensorType[];
}

/** Interval of every result, in exact integers: what leaves the dtype's range is cut to all of it afterwards. null: nothing is known. */
type Transfer = (context: RangeContext) => Range | null;

const of = (min: bigint, max: bigint): Range => ({ min, max });
const hull = (...ranges: readonly (Range | null | undefined)[]): Range | null => {
  const known = ranges.filter((range) => range !== null && range !== undefined);
  if (known.length !== ranges.length || known.length === 0) return null;
  return of(least(known.map(({ min }) => min)), greatest(known.map(({ max }) => max)));
};
const least = (values: readonly bigint[]) => values.reduce((a, b) => (a < b ? a : b));
const greatest = (values: readonly bigint[]) => values.reduce((a, b) => (a > b ? a : b));

function pairwise(f: (x: bigint, y: bigint) => bigint): Transfer {
  return ({ ranges: [x, y] }) => {
    if (!x || !y) return null;
    const corners = [f(x.min, y.min), f(x.min, y.max), f(x.max, y.min), f(x.max, y.max)];
    return of(least(corners), greatest(corners));
  };
}

const first: Transfer = ({ ranges: [x] }) => x ?? null;
const truth: Transfer = () => of(0n, 1n);

/** The magnitude never grows, and dividing by zero gives 0. */
const quotient: Transfer = ({ ranges: [x] }) => (x ? hull(x, of(-x.max, -x.min), of(0n, 0n)) : null);

/** Smaller than the divisor; where that may be 0 nothing is said. */
const remainder: Transfer = ({ ranges: [, y] }) => {
  if (!y || (y.min <= 0n && y.max >= 0n)) return null;
  const most = greatest([y.max, -y.min]) - 1n;
  return of(-most, most);
};

const magnitude: Transfer = ({ ranges: [x] }) => {
  if (!x) return null;
  const ends = [x.min < 0n ? -x.min : x.min, x.max < 0n ? -x.max : x.max];
  return of(x.min <= 0n && x.max >= 0n ? 0n : least(ends), greatest(ends));
};

/** Elements of an axis, or null where it is a symbol. */
function sizeAt(type: TensorType | null | undefined, axis: unknown): bigint | null {
  if (!type || typeof axis !== "number") return null;
  const size = type.shape[axis < 0 ? axis + type.shape.length : axis];
  return typeof size === "number" ? BigInt(size) : null;
}

/** No tensor of a device with 32-bit indices has a longer axis. */
const longest = 2n ** 31n - 1n;

const index: Transfer = ({ types: [x], attrs }) => of(0n, (sizeAt(x, attrs.axis) ?? longest + 1n) - 1n);

const total: Transfer = ({ ranges: [x], types: [type], attrs }) => {
  const axes = Array.isArray(attrs.axes) ? attrs.axes : [attrs.axis];
  const sizes = axes.map((axis) => sizeAt(type, axis));
  if (!x || sizes.some((size) => size === null)) return null;
  const count = sizes.reduce<bigint>((product, size) => product * (size ?? 1n), 1n);
  return hull(of(x.min * count, x.max * count), of(0n, 0n), x);
};

const padded: Transfer = ({ ranges: [x], attrs }) => {
  const value = typeof attrs.value === "number" && Number.isInteger(attrs.value) ? BigInt(attrs.value) : null;
  return value === null ? null : hull(x, of(value, value));
};

const clipped: Transfer = ({ ranges: [x], attrs }) => {
  if (!x) return null;
  const bound = (end: unknown, otherwise: bigint) => (typeof end === "number" && Number.isInteger(end) ? BigInt(end) : otherwise);
  const [low, high] = [bound(attrs.min, x.min), bound(attrs.max, x.max)];
  const into = (value: bigint) => (value < low ? low : value > high ? high : value);
  return of(into(x.min), into(x.max));
};

/** Integers keep their value where they fit; otherwise they wrap, and the cut to the dtype's range says so. Truth values are 0 and 1. */
const converted: Transfer = ({ ranges: [x], attrs }) => (attrs.to === "bool" ? of(0n, 1n) : (x ?? null));

const transfers: Readonly<Record<string, Transfer>> = {
  "math.add": pairwise((x, y) => x + y),
  "math.sub": pairwise((x, y) => x - y),
  "math.mul": pairwise((x, y) => x * y),
  "math.div": quotient,
  "math.mod": remainder,
  "math.fmod": remainder,
  "math.min": pairwise((x, y) => (x < y ? x : y)),
  "math.max": pairwise((x, y) => (x > y ? x : y)),
  "math.neg": ({ ranges: [x] }) => (x ? of(-x.max, -x.min) : null),
  "math.abs": magnitude,
  "math.sign": ({ ranges: [x] }) => (x ? of(x.min < 0n ? -1n : 0n, x.max > 0n ? 1n : 0n) : null),
  "math.clip": clipped,
  "math.relu": ({ ranges: [x] }) => (x ? of(x.min > 0n ? x.min : 0n, x.max > 0n ? x.max : 0n) : null),
  "math.equal": truth,
  "math.less": truth,
  "math.greater": truth,
  "math.where": ({ ranges: [, x, y] }) => hull(x, y),
  "reduce.sum": total,
  "reduce.cumsum": total,
  "reduce.max": first,
  "reduce.min": first,
  "reduce.argmax": index,
  "shape.reshape": first,
  "shape.transpose": first,
  "shape.broadcast": first,
  "shape.slice": first,
  "shape.gather": first,
  "shape.concat": ({ ranges }) => hull(...ranges),
  "shape.pad": padded,
  "type.cast": converted,
  "tensor.one_hot": truth,
};

/** Ops whose results are known by interval arithmetic: those compute the same in a narrower dtype that holds operands and results. */
export function hasRange(op: string): boolean {
  return Object.hasOwn(transfers, op);
}

export function dtypeRange(dtype: DType): Range | null {
  return isFloat(dtype) ? null : integerRange(dtype);
}

export function isWithin(inner: Range, outer: Range): boolean {
  return inner.min >= outer.min && inner.max <= outer.max;
}

export function printRange({ min, max }: Range): string {
  return `${min} to ${max}`;
}

/** Intervals of constants, each evaluated once and only when asked for. */
export class ConstantRanges {
  private readonly module: Module;
  private readonly registry: OpRegistry;
  private readonly evaluated = new Map<string, HostTensor>();
  private readonly known = new Map<string, Range | null>();

  constructor(module: Module, registry: OpRegistry) {
    this.module = module;
    this.registry = registry;
  }

  /** null for floats. An empty one counts as 0. */
  of(name: string): Range | null {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const range = this.evaluate(name);
    this.known.set(name, range);
    return range;
  }

  private evaluate(name: string): Range | null {
    const type = this.module.constants.get(name)?.type;
    if (!type || isFloat(type.dtype)) return null;
    // Narrow codes of large weights are not worth evaluating.
    if (dtypeInfo(type.dtype).bits < 32) return dtypeRange(type.dtype);
    const { data } = evaluateConstant(this.module, this.registry, name, this.evaluated);
    let [min, max] = [BigInt(data[0] ?? 0), BigInt(data[0] ?? 0)];
    for (const element of data) {
      const value = BigInt(element);
      if (value < min) min = value;
      if (value > max) max = value;
    }
    return { min, max };
  }
}

/**
 * The interval of every integer value of a function.
 * @param assumed of parameters: what somebody checks before the function runs
 */
export function rangesOf(
  module: Module,
  registry: OpRegistry,
  func: Func,
  constants: ConstantRanges = new ConstantRanges(module, registry),
  assumed: ReadonlyMap<ValueId, Range> = new Map(),
): ReadonlyMap<ValueId, Range> {
  const ranges = new Map<ValueId, Range>();
  for (const param of func.params) {
    const range = assumed.get(param) ?? dtypeRange(valueInfo(func, param).type.dtype);
    if (range) ranges.set(param, range);
  }
  const rangeOf = (operand: Operand): Range | null => {
    if (typeof operand === "string") return constants.of(operand);
    return operand === null ? null : (ranges.get(operand) ?? null);
  };
  for (const op of func.ops) {
    const outputs = op.results.map((id) => valueInfo(func, id).type);
    const given = { ranges: op.operands.map(rangeOf), types: op.operands.map((o) => operandType(module, func, o)), outputs };
    const found = outputs.some(({ dtype }) => !isFloat(dtype)) ? resultRange(op, registry, given) : null;
    op.results.forEach((id, i) => {
      const whole = dtypeRange((outputs[i] as TensorType).dtype);
      if (whole) ranges.set(id, found && isWithin(found, whole) ? found : whole);
    });
  }
  return ranges;
}

function resultRange(op: Pick<Op, "name" | "attrs">, registry: OpRegistry, given: Omit<RangeContext, "attrs">): Range | null {
  const transfer = hasRange(op.name) ? transfers[op.name] : undefined;
  return transfer?.({ ...given, attrs: attrsOf(op, registry) }) ?? null;
}

function attrsOf({ name, attrs }: { readonly name: string; readonly attrs: AttrDict }, registry: OpRegistry) {
  return registry.attrs(registry.require(name), attrs);
}
