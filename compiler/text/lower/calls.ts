/** @file Puts the problems of a checked call at the operand or the attribute to blame, with the operand's type as a note. */
import type { Location } from "../../../ir-spec/core/location.ts";
import { printType, type TensorType } from "../../../ir-spec/core/type.ts";
import type { Note } from "../../diagnostics/diagnostic.ts";
import type { Span } from "../../diagnostics/source.ts";
import type { CallProblem } from "../../verify/call-check.ts";
import { type AstCall, attrSpan, spanOf } from "../ast.ts";
import { readName } from "../names.ts";
import type { LowerContext } from "./context.ts";

export function placeCallProblems(
  ctx: LowerContext,
  call: AstCall,
  problems: readonly CallProblem[],
  loc: Location,
  types: readonly (TensorType | null)[],
): void {
  for (const { attr, ...problem } of problems) {
    const located = loc.length > 0 ? { ...problem, loc } : problem;
    const operand = problem.operand === undefined ? undefined : call.operands[problem.operand];
    const type = problem.operand === undefined ? null : types[problem.operand];
    const notes: Note[] = operand && type ? [ctx.note(spanOf(operand), `${operand.image} is ${printType(type)}`)] : [];
    ctx.place(operand ? spanOf(operand) : attrPlace(call, attr), located, notes);
  }
}

/** The key of an attribute that the op does not have, else the value; the op's name when nothing was written. */
function attrPlace(call: AstCall, attr: string | undefined): Span {
  const entry = attr === undefined ? undefined : call.dict?.entries.find(({ key }) => readName(key.image).name === attr);
  if (!entry) return spanOf(call.op);
  return { start: spanOf(entry.key).start, end: attrSpan(entry.value).end };
}
