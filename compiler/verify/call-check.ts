/**
 * @file One call of an op, in a function's body or a constant's definition, against the op's record: attributes, operands, inference.
 * Shared by the verifier and the text's lowering, which put the problems at their places.
 */
import type { Attr, AttrDict } from "../../ir-spec/core/attr.ts";
import type { Dim } from "../../ir-spec/core/dim.ts";
import type { Require } from "../../ir-spec/core/graph.ts";
import { type Problem, TersorError } from "../../ir-spec/core/problem.ts";
import type { TensorType } from "../../ir-spec/core/type.ts";
import { isNote } from "../../ir-spec/ops/attr-spec.ts";
import type { OpDef } from "../../ir-spec/ops/define.ts";
import { inferOp } from "../../ir-spec/ops/infer.ts";
import { nearest, type OpRegistry } from "../../ir-spec/ops/registry.ts";
import type { Signature } from "../../ir-spec/ops/signature.ts";
import { printAttr } from "../text/print/attr.ts";

export interface Call {
  readonly op: string;
  readonly types: readonly (TensorType | null)[];
  readonly attrs: AttrDict;
  readonly declared: readonly TensorType[] | null;
  readonly known: (operand: number) => readonly Dim[] | null;
  /** Functions that the op may name; absent in a constant's definition, which calls none. */
  readonly callee?: (name: string) => Signature | null;
}

/** `attr` names the attribute to blame. */
export interface CallProblem extends Problem {
  readonly attr?: string;
}

export interface CallCheck {
  /** null when the op is unknown or inference failed. */
  readonly types: readonly TensorType[] | null;
  readonly requires: readonly Require[];
  readonly problems: readonly CallProblem[];
}

const none: readonly CallProblem[] = [];

export function checkCall(registry: OpRegistry, call: Call): CallCheck {
  const def = registry.get(call.op);
  if (!def) return failed(caught(() => registry.require(call.op)));
  try {
    const { types, requires } = inferOp(registry, def, call);
    return { types, requires, problems: none };
  } catch (error) {
    const problems = problemsOf(error, def.name);
    // Reading attributes stops at the first wrong one: tell them all.
    const all = problems[0]?.code === "E0303" ? checkAttrs(def, call.attrs) : [];
    return failed(all.length > 0 ? all : problems);
  }
}

function failed(problems: readonly CallProblem[]): CallCheck {
  return { types: null, requires: [], problems };
}

function caught(action: () => unknown): readonly Problem[] {
  try {
    action();
  } catch (error) {
    return problemsOf(error, "");
  }
  return [];
}

/** Dim arithmetic refuses with a RangeError (division by zero, beyond 2^53): the program's fault, not the compiler's. */
function problemsOf(error: unknown, op: string): readonly Problem[] {
  if (error instanceof TersorError) return error.problems;
  if (error instanceof RangeError) return [{ code: "E0312", message: `${op}: ${error.message}` }];
  throw error;
}

/** As text, cut where it is long; by its kind where it has none (a module that no text made). */
function shownAttr(given: Attr): string {
  try {
    const text = printAttr(given);
    return text.length > 200 ? `${text.slice(0, 200)}...` : text;
  } catch (error) {
    if (error instanceof RangeError) return `an ${given.kind} without text`;
    throw error;
  }
}

/** Every wrong attribute, not only the first. */
export function checkAttrs(def: OpDef, attrs: AttrDict): readonly CallProblem[] {
  const problems: CallProblem[] = [];
  const names = Object.keys(def.attrs);
  for (const name of attrs.keys()) {
    if (isNote(name) || Object.hasOwn(def.attrs, name)) continue;
    const near = nearest(name, names);
    const list = names.length === 0 ? "none" : names.join(", ");
    const problem = { code: "E0303", message: `${def.name}: unknown attribute "${name}"; it has ${list}`, attr: name };
    problems.push(near === null ? problem : { ...problem, hint: `did you mean ${near}?` });
  }
  for (const [name, spec] of Object.entries(def.attrs)) {
    const given = attrs.get(name);
    if (given === undefined) {
      if (spec.required) problems.push({ code: "E0303", message: `${def.name}: attribute "${name}" (${spec.type}) is missing` });
    } else if (spec.read(given) === undefined) {
      problems.push({
        code: "E0303",
        message: `${def.name}: attribute "${name}" must be ${spec.type}, got ${shownAttr(given)}`,
        attr: name,
      });
    }
  }
  return problems;
}
