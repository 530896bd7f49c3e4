/**
 * @file Which values of the body become 8-bit integers, and which of them share a scale.
 *
 * Quantized are the operands and results of the ops that integer kernels compute (`computing`). Where a relu or clip follows such an op, its result is quantized instead, so
 * that the clipped part of the range costs no codes. Ops that only move or pick elements (`moving`) pass quantized values on: they share the scale of their operand, and a
 * concatenation shares that of every operand which nothing else reads. A function of one operand (`pointwise`) is quantized where its result is wanted as integers. Everything
 * else (softmax, products of two values) stays float, and so does an addition or concatenation of what float ops made.
 */
import { type Func, type Op, type Operand, type ValueId, valueInfo } from "../../ir-spec/index.ts";

const layers: ReadonlySet<string> = new Set(["nn.conv", "nn.linear"]);
const computing: ReadonlySet<string> = new Set(["math.add", "shape.concat", "nn.avg_pool", "reduce.mean"]);
const moving: ReadonlySet<string> = new Set([
  "shape.reshape",
  "shape.transpose",
  "shape.slice",
  "shape.pad",
  "shape.gather",
  "shape.broadcast",
  "nn.max_pool",
  "reduce.max",
]);
const clipping: ReadonlySet<string> = new Set(["math.relu", "math.clip"]);
const pointwise: ReadonlySet<string> = new Set([
  ...clipping,
  "math.abs",
  "math.erf",
  "math.exp",
  "math.leaky_relu",
  "math.neg",
  "math.sigmoid",
  "math.sqrt",
  "math.tanh",
]);

export interface QuantizedValues {
  /** In order of definition. */
  readonly values: readonly ValueId[];
  /** The value that stands for all which share its scale. */
  groupOf(value: ValueId): ValueId;
  /** Float constants among the operands of additions and concatenations: the op and operand index. */
  readonly constants: readonly { readonly op: Op; readonly operand: number }[];
}

/** @param takes whether a layer's weight can be integers; layers for which it is false stay float. */
export function quantizedValues(func: Func, takes: (layer: Op) => boolean): QuantizedValues {
  const uses = new Uses(func);
  const wanted = new Set<ValueId>();
  const want = (operand: Operand | undefined) => {
    if (typeof operand === "number" && valueInfo(func, operand).type.dtype === "f32") wanted.add(operand);
  };
  const anchors = integerOps(func, uses, takes);
  for (const op of anchors) {
    for (const operand of layers.has(op.name) ? op.operands.slice(0, 1) : op.operands) want(operand);
    want(uses.behindClipping(op.results[0] as ValueId));
  }
  spread(func, uses, wanted, want);
  return {
    values: func.values.flatMap((_, id) => (wanted.has(id) ? [id] : [])),
    groupOf: groups(func, wanted, uses),
    constants: anchors.flatMap((op) =>
      layers.has(op.name) ? [] : op.operands.flatMap((operand, i) => (typeof operand === "string" ? [{ op, operand: i }] : [])),
    ),
  };
}

/** Layers that can be integer, and the computing ops all of whose operands come from integer ops: coordinates that float ops have worked out keep their precision. */
function integerOps(func: Func, uses: Uses, takes: (layer: Op) => boolean): readonly Op[] {
  const taken = new Set<Op>();
  /** Behind movement and functions of one operand. */
  const source = (value: ValueId): ValueId => {
    const op = uses.producer(value);
    const from = op && (moving.has(op.name) || pointwise.has(op.name)) ? op.operands[0] : null;
    return typeof from === "number" ? source(from) : value;
  };
  const isInteger = (value: ValueId): boolean => {
    const from = source(value);
    const op = uses.producer(from);
    if (!op || taken.has(op)) return true;
    // x * f(x) is a table, too.
    const [a, b] = op.name === "math.mul" ? op.operands : [];
    return typeof a === "number" && typeof b === "number" && source(a) === source(b) && isInteger(a);
  };
  for (const op of func.ops) {
    const values = op.operands.filter((operand) => typeof operand === "number");
    const integer = layers.has(op.name) ? takes(op) : computing.has(op.name) && values.length > 0 && values.every(isInteger);
    if (integer) taken.add(op);
  }
  return [...taken];
}

/** Moved values are quantized where their source or their result is; functions of one operand where their result is. */
function spread(func: Func, uses: Uses, wanted: Set<ValueId>, want: (operand: Operand | undefined) => void): void {
  for (let size = -1; size !== wanted.size; ) {
    size = wanted.size;
    for (const op of func.ops) {
      const [from, to] = [op.operands[0], op.results[0] as ValueId];
      if (typeof from !== "number") continue;
      if (moving.has(op.name) && wanted.has(from)) want(to);
      if ((moving.has(op.name) || pointwise.has(op.name)) && wanted.has(to) && !finishes(op, from, uses)) want(from);
    }
  }
}

/** A relu or clip right behind a computing op, which only it reads: the two are one step. */
function finishes(op: Op, from: ValueId, uses: Uses): boolean {
  const source = uses.producer(from);
  return clipping.has(op.name) && source !== null && (layers.has(source.name) || computing.has(source.name)) && uses.sole(from) === op;
}

function groups(func: Func, wanted: ReadonlySet<ValueId>, uses: Uses): (value: ValueId) => ValueId {
  const parent = new Map<ValueId, ValueId>();
  const find = (value: ValueId): ValueId => {
    const up = parent.get(value);
    return up === undefined ? value : find(up);
  };
  const union = (a: ValueId, b: ValueId) => {
    const [x, y] = [find(a), find(b)];
    if (x !== y) parent.set(Math.max(x, y), Math.min(x, y));
  };
  for (const op of func.ops) {
    const to = op.results[0] as ValueId;
    if (!wanted.has(to)) continue;
    op.operands.forEach((from, i) => {
      if (typeof from !== "number" || !wanted.has(from)) return;
      const shares = op.name === "shape.concat" ? uses.sole(from) === op : i === 0 && moving.has(op.name);
      if (shares) union(from, to);
    });
  }
  return find;
}

class Uses {
  private readonly users = new Map<ValueId, Set<Op>>();
  private readonly producers = new Map<ValueId, Op>();
  private readonly returned: ReadonlySet<Operand>;

  constructor(func: Func) {
    this.returned = new Set(func.returns);
    for (const op of func.ops) {
      for (const result of op.results) this.producers.set(result, op);
      for (const operand of op.operands) {
        if (typeof operand !== "number") continue;
        const list = this.users.get(operand) ?? new Set();
        this.users.set(operand, list.add(op));
      }
    }
  }

  producer(value: ValueId): Op | null {
    return this.producers.get(value) ?? null;
  }

  /** The one op that reads the value, if nothing else does. */
  sole(value: ValueId): Op | null {
    const users = this.users.get(value);
    const [first] = users ?? [];
    return users?.size === 1 && first && !this.returned.has(value) ? first : null;
  }

  /** The value, or what a relu or clip makes of it when only that reads it. */
  behindClipping(value: ValueId): ValueId {
    const user = this.sole(value);
    return user && clipping.has(user.name) ? (user.results[0] as ValueId) : value;
  }
}
