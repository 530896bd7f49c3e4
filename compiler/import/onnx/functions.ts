/**
 * @file Functions that a model defines itself (ONNX IR, `FunctionProto`): each call is replaced by the body, which sees its inputs, its attributes and nothing else. Locations name the call and the
 * node in it. Standard functions need none of this: they have translations of their own.
 */
import { type GivenAttributes, resolved } from "./attributes.ts";
import { type Body, deepest, type Opsets } from "./body-context.ts";
import { isStandard, operatorName } from "./domains.ts";
import { ImportFailure } from "./errors.ts";
import { functionKey } from "./function-table.ts";
import { toNumber } from "./int64.ts";
import type { AttributeProto, FunctionProto, NodeProto, OperatorSetIdProto } from "./proto/gen/onnx.js";
import type { Scope } from "./scope.ts";
import type { Value } from "./value.ts";

/** The body in place of the call. One value for each output of the node, null for one that is spoiled. */
export function callFunction(
  func: FunctionProto,
  node: NodeProto,
  inputs: readonly (Value | null)[],
  label: string,
  body: Body,
): readonly (Value | null)[] {
  const key = functionKey(func.domain, func.name, func.overload);
  if (body.calls.includes(key)) throw new ImportFailure("E0607", `the function ${operatorName(node)} calls itself`);
  if (body.depth >= deepest) throw new ImportFailure("E0605", `functions and subgraphs nest more than ${deepest} deep`);
  const scope = body.scope.inner(label, false);
  defineInputs(func, inputs, scope);
  const given = givenAttributes(func, node, body.given);
  const opsets = opsetsOf(func.opsetImport, body.opsets);
  const computes = (name: string) => func.node.some(({ output }) => output.includes(name));
  body.model.addNodes(func.node, {
    ...body,
    scope,
    given,
    opsets,
    computes,
    names: null,
    calls: [...body.calls, key],
    depth: body.depth + 1,
  });
  if (node.output.length > func.output.length)
    throw new ImportFailure("E0606", `${node.output.length} outputs are asked for, the function has ${func.output.length}`);
  return func.output.map((name) => outputOf(name, scope));
}

function outputOf(name: string, scope: Scope): Value | null {
  const value = scope.get(name);
  if (value === undefined) throw new ImportFailure("E0607", `no node of the function computes its output ${JSON.stringify(name)}`);
  return value === "absent" ? null : value;
}

function defineInputs(func: FunctionProto, inputs: readonly (Value | null)[], scope: Scope): void {
  if (inputs.length > func.input.length)
    throw new ImportFailure("E0606", `${inputs.length} inputs are given, the function has ${func.input.length}`);
  func.input.forEach((name, i) => void scope.define(name, inputs[i] ?? "absent", "function", scope.place()));
}

/** The call's attributes and the defaults of those that it leaves out. */
function givenAttributes(func: FunctionProto, node: NodeProto, around: GivenAttributes | null): GivenAttributes {
  const given = new Map<string, AttributeProto>(func.attributeProto.map((proto) => [proto.name, proto]));
  const known = new Set([...func.attribute, ...given.keys()]);
  for (const proto of node.attribute) {
    if (!known.has(proto.name)) throw new ImportFailure("E0606", `the function has no attribute ${proto.name}`);
    const meant = resolved(proto, around);
    if (meant) given.set(proto.name, meant);
  }
  return given;
}

/** What a list of imports says; domains that it leaves out are as around it. */
export function opsetsOf(imports: readonly OperatorSetIdProto[], around: Opsets = new Map()): Opsets {
  return new Map([...around, ...imports.map((o) => [isStandard(o.domain) ? "" : o.domain, toNumber(o.version)] as const)]);
}
