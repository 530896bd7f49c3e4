/** @file Constants and resources: data has the bytes of its type, definitions are calls of ops on other constants, without cycles. */
import { bytesLength, type Constant, type DataConstant, type DerivedConstant, type Resource } from "../../ir-spec/core/constant.ts";
import { byteLengthOf, dtypeInfo } from "../../ir-spec/core/dtype.ts";
import { knownIntegers } from "../../ir-spec/core/editor.ts";
import type { Problem } from "../../ir-spec/core/problem.ts";
import { elementCount, printType, staticShape, type TensorType, typeEquals } from "../../ir-spec/core/type.ts";
import { limits } from "../../ir-spec/format/codes.ts";
import type { OpRegistry } from "../../ir-spec/ops/registry.ts";
import { strayBits } from "../text/elements.ts";
import { checkDict } from "./attr-rules.ts";
import { checkCall } from "./call-check.ts";
import { checkSizes, type Findings, type Site } from "./findings.ts";
import { resourceProblems, resourceSize } from "./resource-check.ts";

/** Hashing a resource takes its time, and the verifier runs after every pass. */
const resourceCache = new WeakMap<Resource, readonly Problem[]>();

export function checkResource(findings: Findings, resource: Resource): void {
  const site: Site = { kind: "resource", name: resource.name };
  const problems = resourceCache.get(resource) ?? resourceProblems(resource);
  resourceCache.set(resource, problems);
  for (const problem of problems) findings.add(site, problem);
  checkDict(resource.attrs, { findings, site, dims: null, checkSymbols: false });
}

export function checkConstant(findings: Findings, registry: OpRegistry, constant: Constant): void {
  const site: Site = { kind: "constant", name: constant.name };
  checkSizes(findings, site, constant.type);
  if (!staticShape(constant.type.shape)) findings.report(site, "E0207", [constant.name, printType(constant.type)]);
  else if (constant.kind === "data") checkData(findings, site, constant);
  else checkDefinition(findings, site, registry, constant);
}

function staticBytes(type: TensorType): number {
  return byteLengthOf(type.dtype, staticCount(type));
}

function staticCount(type: TensorType): number {
  const count = elementCount(type);
  return typeof count === "number" ? count : 0;
}

function checkData(findings: Findings, site: Site, constant: DataConstant): void {
  const { storage, type } = constant;
  switch (storage.kind) {
    case "bytes":
      if (checkLength(findings, site, bytesLength(storage), type) && hasStrayBits(type))
        checkStray(findings, site, constant, staticCount(type), storage.bytes);
      break;
    case "splat": {
      const size = Math.ceil(dtypeInfo(type.dtype).bits / 8);
      if (storage.element.length !== size)
        findings.report(site, "E0206", [`a splat of ${storage.element.length} bytes`, type.dtype, String(size)]);
      else checkStray(findings, site, constant, 1, storage.element);
      break;
    }
    case "resource":
      checkLength(findings, site, storage.length, type);
      checkSlice(findings, site, storage.resource, storage.offset, storage.length);
      break;
    case "elided":
      checkLength(findings, site, storage.length, type);
      break;
    case "random":
      if (!Number.isSafeInteger(Number(storage.seed)) && typeof storage.seed === "number")
        findings.report(site, "E0407", [`the seed ${storage.seed}`]);
      break;
  }
}

function checkLength(findings: Findings, site: Site, length: number, type: TensorType): boolean {
  const wanted = staticBytes(type);
  if (length !== wanted) findings.report(site, "E0206", [`${length} bytes`, printType(type), String(wanted)]);
  return length === wanted;
}

/** Only of elements that do not use all bits of their bytes; bytes that lie elsewhere are not fetched for others. */
function hasStrayBits({ dtype }: TensorType): boolean {
  return dtypeInfo(dtype).bits < 8 || dtype === "bool";
}

function checkStray(findings: Findings, site: Site, { name, type }: DataConstant, count: number, bytes: Uint8Array): void {
  const stray = strayBits(type.dtype, count, bytes);
  if (stray !== null) findings.report(site, "E0408", [name, stray]);
}

function checkSlice(findings: Findings, site: Site, name: string, offset: number, length: number): void {
  const resource = findings.module.resources.get(name);
  if (!resource) {
    findings.report(site, "E0204", [name, "resource"]);
    return;
  }
  if (!Number.isSafeInteger(offset) || offset < 0) findings.report(site, "E0109", [String(offset), "an offset in bytes"]);
  const size = resourceSize(resource);
  if (size !== null && offset + length > size) findings.report(site, "E0209", [offset + length, name, size]);
}

function checkDefinition(findings: Findings, site: Site, registry: OpRegistry, constant: DerivedConstant): void {
  const { constants } = findings.module;
  checkDict(constant.attrs, { findings, site, dims: null, checkSymbols: true });
  const types: (TensorType | null)[] = [];
  for (const [i, operand] of constant.operands.entries()) {
    const definition = operand === null ? null : constants.get(operand);
    if (definition === undefined) {
      findings.report(site, "E0204", [operand ?? "_", "constant"], i);
      return;
    }
    types.push(definition?.type ?? null);
  }
  const known = (i: number) => {
    const definition = constants.get(constant.operands[i] ?? "");
    return definition ? knownIntegers(definition) : null;
  };
  const { op, attrs, type } = constant;
  const checked = checkCall(registry, { op, attrs, types, declared: [type], known });
  for (const problem of checked.problems) findings.add(site, problem);
  if (!checked.types) return;
  const [inferred, ...more] = checked.types;
  if (!inferred || more.length > 0) findings.report(site, "E0307", [op, checked.types.length]);
  else if (!typeEquals(inferred, type)) findings.report(site, "E0313", [printType(type), printType(inferred)]);
}

/** Depth first over definitions, without recursion: chains may be long. Each cycle is told once. */
export function checkCycles(findings: Findings): void {
  const { constants } = findings.module;
  const next = (name: string): readonly string[] => {
    const constant = constants.get(name);
    return constant?.kind === "derived" ? constant.operands.filter((operand): operand is string => operand !== null) : [];
  };
  for (const path of cycles(constants.keys(), next)) {
    findings.report({ kind: "constant", name: path[0] ?? "" }, "E0205", [path.map((name) => `@${name}`).join(" -> ")]);
  }
}

/**
 * No definition nests deeper than whoever evaluates or prints it has stack. Depths by Kahn's topological sort (1962), so that the check itself needs none; what a cycle holds has none.
 */
export function checkDepths(findings: Findings): void {
  const { constants } = findings.module;
  const operandsOf = (name: string): readonly string[] => {
    const constant = constants.get(name);
    return constant?.kind === "derived"
      ? constant.operands.filter((operand): operand is string => operand !== null && constants.has(operand))
      : [];
  };
  const users = new Map<string, string[]>();
  const open = new Map<string, number>();
  for (const name of constants.keys()) {
    const operands = operandsOf(name);
    open.set(name, operands.length);
    for (const operand of operands) {
      const list = users.get(operand);
      if (list) list.push(name);
      else users.set(operand, [name]);
    }
  }
  const ready = [...open].flatMap(([name, count]) => (count === 0 ? [{ name, depth: 1 }] : []));
  for (const { name, depth } of ready) {
    if (depth === limits.definitionDepth + 1) findings.report({ kind: "constant", name }, "E0221", [name, limits.definitionDepth]);
    for (const user of users.get(name) ?? []) {
      const left = (open.get(user) ?? 0) - 1;
      open.set(user, left);
      // The last operand to be ready is the deepest.
      if (left === 0) ready.push({ name: user, depth: depth + 1 });
    }
  }
}

/** Cycles of a graph, each as a path that ends where it began. */
export function cycles(nodes: Iterable<string>, next: (node: string) => readonly string[]): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  for (const root of nodes) {
    const path: { readonly name: string; readonly targets: readonly string[]; at: number }[] = [];
    const onPath = new Set<string>();
    const enter = (name: string) => {
      onPath.add(name);
      path.push({ name, targets: next(name), at: 0 });
    };
    if (!done.has(root)) enter(root);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const target = top.targets[top.at++];
      if (target === undefined) {
        done.add(top.name);
        onPath.delete(top.name);
        path.pop();
      } else if (onPath.has(target)) {
        const names = path.map(({ name }) => name);
        found.push([...names.slice(names.indexOf(target)), target]);
      } else if (!done.has(target)) enter(target);
    }
  }
  return found;
}
