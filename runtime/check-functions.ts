/** @file Checks the functions of a program, of plans and of the source: operands defined before use, pools used exactly, results of the types that are declared. */
import { AttrKind } from "../ir-spec/format/codes.ts";
import { checkLocation, checkOptionalKind, checkOptionalString, checkRequires, checkString, checkType } from "./check-references.ts";
import { checkUnique, inRange } from "./check-tables.ts";
import { RuntimeError } from "./errors.ts";
import type { FuncView, ProgramView } from "./program-view.ts";

export function checkFunc(view: ProgramView, func: FuncView, constantExists: (index: number) => boolean, where: string): void {
  checkString(view, func.name, where);
  checkOptionalString(view, func.doc, where);
  for (const type of func.types) checkType(view, type, where);
  if (func.names.length !== 0 && func.names.length !== func.types.length)
    throw new RuntimeError("R0206", "not every value has a name entry", where);
  for (const name of func.names) checkOptionalString(view, name, where);
  const operand = (index: number, defined: number, place: string): void => {
    if (index >= 0) {
      if (index >= defined) throw new RuntimeError("R0206", `value ${index} is used before it is defined`, place);
    } else if (index < -1 && !constantExists(-index - 2)) {
      throw new RuntimeError("R0206", `constant ${-index - 2} does not exist or is not data`, place);
    }
  };
  if (func.params > func.types.length) throw new RuntimeError("R0206", "it has more parameters than values", where);
  const defined = checkOps(view, func, operand, where);
  if (defined !== func.types.length)
    throw new RuntimeError("R0206", `${func.types.length} values have types, ${defined} are defined`, where);
  checkResults(
    view,
    func,
    (index) => {
      if (index === -1) throw new RuntimeError("R0206", "a result is absent", where);
      operand(index, defined, where);
    },
    where,
  );
}

/** @returns how many values are defined after the last op */
function checkOps(
  view: ProgramView,
  func: FuncView,
  operand: (index: number, defined: number, place: string) => void,
  where: string,
): number {
  let defined = func.params;
  let operands = 0;
  func.ops.forEach((op, i) => {
    const place = `${where}, op ${i}`;
    checkString(view, op.name, place);
    checkOptionalKind(view, op.attrs, AttrKind.dict, place);
    checkLocation(view, op.loc, place);
    checkOptionalString(view, op.doc, place);
    for (const index of op.operands) operand(index, defined, place);
    operands += op.operands.length;
    defined += op.resultCount;
    if (op.resultCount === 0) throw new RuntimeError("R0206", "it has no result", place);
  });
  if (operands !== func.operands.length)
    throw new RuntimeError("R0206", `the ops take ${operands} operands, there are ${func.operands.length}`, where);
  return defined;
}

function checkResults(view: ProgramView, func: FuncView, operand: (index: number) => void, where: string): void {
  if (func.returns.length !== func.results.length)
    throw new RuntimeError("R0206", "it returns another number of values than it has results", where);
  func.returns.forEach(operand);
  func.results.forEach((result, i) => {
    checkString(view, result.name, where);
    checkType(view, result.type, where);
    const returned = func.returns[i] as number;
    const type = returned >= 0 ? func.types[returned] : view.constants[-returned - 2]?.type;
    if (type !== result.type) throw new RuntimeError("R0206", `result ${i} has another type than what is returned`, where);
  });
  checkUnique(
    func.results.map((r) => view.strings[r.name] ?? ""),
    "results",
    where,
  );
  for (const carry of func.carries) {
    inRange(carry.param, func.params, "parameter", where);
    checkString(view, carry.result, where);
  }
  checkRequires(view, func.requires, where);
}
