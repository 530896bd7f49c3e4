/**
 * @file Checks the meaning of a program, once, before anything is used: every index in range, every pool exactly used, values defined before use, types that agree where the
 * file's parts meet. Its structure as a FlatBuffer was verified before (`verify-flatbuffer.ts`), its bytes before that (`open-file.ts`).
 */
import { AttrKind, limits } from "../ir-spec/format/codes.ts";
import { checkFunc } from "./check-functions.ts";
import {
  checkLocation,
  checkOptionalKind,
  checkOptionalString,
  checkRequires,
  checkString,
  checkType,
  staticBytes,
} from "./check-references.ts";
import { checkTables, checkUnique, inRange } from "./check-tables.ts";
import { RuntimeError } from "./errors.ts";
import type { FuncView, ProgramView } from "./program-view.ts";

/** @throws RuntimeError R02xx with the place. */
export function checkProgram(view: ProgramView): void {
  checkTables(view);
  checkConstants(view);
  checkPorts(view);
  checkPlans(view);
  checkSource(view);
  checkExtras(view);
}

function checkConstants(view: ProgramView): void {
  const [wanted, present] = view.derivedCounts;
  if (wanted !== present) throw new RuntimeError("R0205", `derived constants take ${wanted} operands, there are ${present}`, "constants");
  view.constants.forEach((constant, i) => {
    const where = `constant ${i}`;
    checkString(view, constant.name, where);
    checkOptionalString(view, constant.doc, where);
    checkLocation(view, constant.loc, where);
    checkType(view, constant.type, where);
    const bytes = staticBytes(view, constant.type);
    if (bytes === null) throw new RuntimeError("R0205", "its shape is symbolic", where);
    if (constant.storage < 0) inRange(-constant.storage - 1, view.derived.length, "derived record", where);
    else checkStorage(view, constant.storage, bytes, where);
  });
  view.derived.forEach((derived, i) => {
    const where = `derived record ${i}`;
    checkString(view, derived.op, where);
    checkOptionalKind(view, derived.attrs, AttrKind.dict, where);
    for (const operand of derived.operands) if (operand !== -1) inRange(operand, view.constants.length, "constant", where);
  });
  checkAcyclic(view);
}

function checkStorage(view: ProgramView, storage: number, bytes: number, where: string): void {
  inRange(storage, view.sections.length, "section", where);
  const held = view.sections[storage]?.raw;
  if (BigInt(bytes) !== held) throw new RuntimeError("R0205", `its type takes ${bytes} bytes, its section holds ${held}`, where);
}

/** No definition needs itself, nor nests deeper than whoever evaluates it has stack: constants are taken off in the order of a topological sort (Kahn, 1962). */
function checkAcyclic(view: ProgramView): void {
  const operandsOf = (i: number): readonly number[] => {
    const { storage } = view.constants[i] ?? { storage: 0 };
    return storage < 0 ? [...(view.derived[-storage - 1]?.operands ?? [])].filter((operand) => operand >= 0) : [];
  };
  const users = view.constants.map((): number[] => []);
  const open = view.constants.map((_, i) => operandsOf(i).length);
  view.constants.forEach((_, i) => {
    for (const operand of operandsOf(i)) users[operand]?.push(i);
  });
  const ready = open.flatMap((count, i) => (count === 0 ? [i] : []));
  const depths = view.constants.map(() => 1);
  for (let next = 0; next < ready.length; next++) {
    const depth = depths[ready[next] as number] as number;
    if (depth > limits.definitionDepth)
      throw new RuntimeError("R0205", `definitions nest deeper than ${limits.definitionDepth}`, `constant ${ready[next]}`);
    for (const user of users[ready[next] as number] ?? []) {
      depths[user] = Math.max(depths[user] as number, depth + 1);
      open[user] = (open[user] as number) - 1;
      if (open[user] === 0) ready.push(user);
    }
  }
  const stuck = open.findIndex((count) => count > 0);
  if (stuck >= 0) throw new RuntimeError("R0205", "its definition needs itself", `constant ${stuck}`);
}

function checkPorts(view: ProgramView): void {
  for (const [ports, what] of [
    [view.inputs, "inputs"],
    [view.outputs, "outputs"],
  ] as const) {
    ports.forEach((port, i) => {
      checkString(view, port.name, `${what} ${i}`);
      checkOptionalString(view, port.original, `${what} ${i}`);
      checkType(view, port.type, `${what} ${i}`);
    });
    checkUnique(
      ports.map((port) => view.strings[port.name] ?? ""),
      what,
      what,
    );
  }
  checkRequires(view, view.requires, "requires");
}

function checkPlans(view: ProgramView): void {
  view.plans.forEach((plan, i) => {
    checkString(view, plan.target, `plan ${i}`);
    const where = `plan ${view.strings[plan.target]}`;
    const constant = (index: number) => index < view.constants.length && (view.constants[index]?.storage ?? -1) >= 0;
    checkFunc(view, plan.init, constant, `${where}, init`);
    checkFunc(view, plan.main, constant, `${where}, main`);
    const made = plan.init.results.map((r) => r.type);
    if (plan.init.params !== 0) throw new RuntimeError("R0207", "init takes parameters", where);
    checkTypes(
      plan.main.types.subarray(0, plan.main.params),
      [...view.inputs.map((p) => p.type), ...made],
      `${where}: the parameters of main`,
    );
    checkTypes(
      plan.main.results.map((r) => r.type),
      view.outputs.map((p) => p.type),
      `${where}: the results of main`,
    );
    if (plan.main.carries.length > 0) throw new RuntimeError("R0208", "carried state is not supported by this runtime", where);
  });
  checkUnique(
    view.plans.map((plan) => view.strings[plan.target] ?? ""),
    "plans",
    "plans",
  );
}

/** Types are interned: equal types have equal indices. */
function checkTypes(given: ArrayLike<number>, wanted: readonly number[], what: string): void {
  if (given.length !== wanted.length || wanted.some((type, i) => given[i] !== type)) {
    throw new RuntimeError("R0207", `${what} do not agree with what they are connected to`);
  }
}

function checkSource(view: ProgramView): void {
  const { source } = view;
  if (!source) {
    if (view.plans.length === 0) throw new RuntimeError("R0207", "the file holds neither a plan nor source functions");
    return;
  }
  for (const index of [source.version, source.name]) checkString(view, index, "source");
  for (const index of [source.doc, source.metaDoc]) checkOptionalString(view, index, "source");
  checkOptionalKind(view, source.meta, AttrKind.dict, "source");
  if (source.constants > view.constants.length) throw new RuntimeError("R0202", "it counts more constants than there are", "source");
  checkUnique(
    view.constants.slice(0, source.constants).map((c) => view.strings[c.name] ?? ""),
    "constants",
    "source",
  );
  checkSourceConstants(view, source.constants);
  source.functions.forEach((func, i) => {
    checkFunc(view, func, (index) => index < source.constants, `function ${i}`);
  });
  checkUnique(
    source.functions.map((f) => view.strings[f.name] ?? ""),
    "functions",
    "source",
  );
  checkMain(view, source.functions);
}

/** Definitions of the module's constants stay within the module. */
function checkSourceConstants(view: ProgramView, count: number): void {
  view.constants.slice(0, count).forEach((constant, i) => {
    if (constant.storage >= 0) return;
    const { operands } = view.derived[-constant.storage - 1] ?? { operands: [] };
    for (const operand of operands)
      if (operand >= count) throw new RuntimeError("R0205", "its definition leaves the module", `constant ${i}`);
  });
}

function checkMain(view: ProgramView, functions: readonly FuncView[]): void {
  const main = functions.find((f) => view.strings[f.name] === "main");
  if (!main) throw new RuntimeError("R0207", "there is no function @main", "source");
  checkTypes(
    main.types.subarray(0, main.params),
    view.inputs.map((p) => p.type),
    "source: the parameters of @main",
  );
  checkTypes(
    main.results.map((r) => r.type),
    view.outputs.map((p) => p.type),
    "source: the results of @main",
  );
}

function checkExtras(view: ProgramView): void {
  const { build } = view;
  checkOptionalKind(view, view.preprocessing, AttrKind.dict, "preprocessing");
  for (const { id, npmPackage } of view.requirements) {
    checkString(view, id, "requirements");
    checkString(view, npmPackage, "requirements");
  }
  for (const index of [build.tersor, build.pipeline]) checkString(view, index, "build");
  checkOptionalString(view, build.costProfile, "build");
  if (build.seed > BigInt(Number.MAX_SAFE_INTEGER)) throw new RuntimeError("R0202", "the seed is beyond 2^53", "build");
  for (const { name, version } of build.plugins) {
    checkString(view, name, "build");
    checkString(view, version, "build");
  }
}
