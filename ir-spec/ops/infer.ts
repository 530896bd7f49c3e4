/** @file Runs an op's `infer` with the checks that hold for every op: operand count, presence, dtypes, attributes. */
import type { AttrDict } from "../core/attr.ts";
import { compareDims, type Dim, dimKey, isDimFault } from "../core/dim.ts";
import type { Require } from "../core/graph.ts";
import type { Problem } from "../core/problem.ts";
import { TersorError } from "../core/problem.ts";
import { printType, type TensorType } from "../core/type.ts";
import { limits } from "../format/codes.ts";
import type { InferContext, OpDef } from "./define.ts";
import type { OpRegistry } from "./registry.ts";
import type { Signature } from "./signature.ts";

export interface InferRequest {
  readonly types: readonly (TensorType | null)[];
  readonly attrs: AttrDict;
  readonly declared?: readonly TensorType[] | null;
  /** Known integer elements of an operand. */
  readonly known?: (operand: number) => readonly Dim[] | null;
  /** Functions of the module, for ops that call them. */
  readonly callee?: (name: string) => Signature | null;
}

export interface Inferred {
  readonly types: readonly TensorType[];
  /** Equalities that could neither be proved nor refuted. */
  readonly requires: readonly Require[];
}

/** @throws TersorError E0303 (attributes), E0304 (operands), E0312 (types). */
export function inferOp(registry: OpRegistry, def: OpDef, request: InferRequest): Inferred {
  const attrs = registry.attrs(def, request.attrs);
  checkOperands(def, request.types);
  const requires: Require[] = [];
  const fail = (message: string, operand?: number): never => {
    throw new TersorError(problem("E0312", `${def.name}: ${message}`, operand));
  };
  const ctx: InferContext<Readonly<Record<string, unknown>>> = {
    types: request.types,
    attrs,
    declared: request.declared ?? null,
    type: (i) => request.types[i] ?? fail(`operand ${i} is absent`, i),
    known: (i) => request.known?.(i) ?? null,
    ...(request.callee ? { callee: request.callee } : {}),
    fail,
    require(left, right, message, operand) {
      const verdict = compareDims(left, right);
      if (verdict === false) fail(`${message}: ${dimKey(left)} is not ${dimKey(right)}`, operand);
      if (verdict === null) requires.push({ left, right });
    },
  };
  const types = dimFaults(def.name, () => def.infer(ctx));
  const impossible = types.find(({ shape }) => shape.some((dim) => typeof dim === "number" && !(Number.isSafeInteger(dim) && dim >= 0)));
  if (impossible) fail(`a result would be ${printType(impossible)}`);
  const tooMany = types.find(({ shape }) => shape.length > limits.rank);
  if (tooMany) fail(`a result would have rank ${tooMany.shape.length}, above ${limits.rank}`);
  return { types, requires };
}

/** Dim arithmetic refuses with a RangeError (division by zero, beyond 2^53, too large): the program's fault. */
function dimFaults<T>(name: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (isDimFault(error)) throw new TersorError(problem("E0312", `${name}: ${error.message}`));
    throw error;
  }
}

function problem(code: string, message: string, operand?: number): Problem {
  return operand === undefined ? { code, message } : { code, message, operand };
}

function checkOperands(def: OpDef, types: readonly (TensorType | null)[]): void {
  const last = def.operands[def.operands.length - 1];
  const most = last?.variadic ? Number.POSITIVE_INFINITY : def.operands.length;
  const least = def.operands.filter((o) => !o.optional && !o.variadic).length;
  if (types.length < least || types.length > most) {
    const names = def.operands.map((o) => o.name + (o.optional ? "?" : o.variadic ? "..." : "")).join(", ");
    throw new TersorError(problem("E0304", `${def.name} takes (${names}), got ${types.length} operand${types.length === 1 ? "" : "s"}`));
  }
  types.forEach((type, i) => {
    const spec = def.operands[Math.min(i, def.operands.length - 1)];
    if (!spec) return;
    if (type === null) {
      if (!spec.optional) throw new TersorError(problem("E0304", `${def.name}: operand ${spec.name} is required, got _`, i));
      return;
    }
    if (spec.dtypes && !spec.dtypes.includes(type.dtype)) {
      throw new TersorError(problem("E0304", `${def.name}: ${spec.name} must be ${spec.dtypes.join(" or ")}, got ${printType(type)}`, i));
    }
  });
}
