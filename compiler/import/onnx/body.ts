/**
 * @file Nodes to ops, one by one. A node that fails spoils its outputs; nodes that need a spoiled value are passed over without a word, so every problem in the list is one of its own.
 * The same code translates the model's graph, subgraphs in place or as functions, and the bodies of the model's own functions.
 */
import type { Location } from "../../../ir-spec/index.ts";
import { Attributes } from "./attributes.ts";
import type { Body, ModelContext, Opsets } from "./body-context.ts";
import { foldCondition } from "./conditions.ts";
import { isStandard, operatorName } from "./domains.ts";
import { ImportFailure } from "./errors.ts";
import { callFunction } from "./functions.ts";
import { NodeContext } from "./node.ts";
import type { NodeProto } from "./proto/gen/onnx.js";
import { BodySubgraphs } from "./subgraphs.ts";
import { refusalOf, translationOf } from "./table.ts";
import { mostListed, type Value } from "./value.ts";

export function addNodes(nodes: readonly NodeProto[], body: Body): void {
  nodes.forEach((node, index) => void addNode(node, index, body));
}

function addNode(node: NodeProto, index: number, body: Body): void {
  const { scope, func } = body;
  const label = node.name === "" ? `${node.opType}_${index}` : node.name;
  const loc = scope.place(label);
  const opset = opsetOf(node.domain, body.opsets);
  const where = `node ${scope.named(label)} (${operatorName(node)}, opset ${opset})`;
  const values = scope.attempt(where, loc, () => translateNode(node, { label, opset, loc }, body));
  node.output.forEach((name, i) => {
    if (name === "") return;
    const value = values?.[i] ?? null;
    if (value?.kind === "result" && func.info(value.id).name === null) nameValue(value.id, name, body);
    scope.define(name, value, where, loc);
  });
}

function nameValue(id: number, name: string, { func, names }: Body): void {
  if (!names || names.has(name)) return;
  names.add(name);
  func.rename(id, name);
}

function opsetOf(domain: string, opsets: Opsets): number {
  const standard = opsets.get("") ?? 1;
  return isStandard(domain) ? standard : (opsets.get(domain) ?? standard);
}

interface NodePlace {
  readonly label: string;
  readonly opset: number;
  readonly loc: Location;
}

/** One value for each output, null for a spoiled one; null when an input is spoiled. */
function translateNode(node: NodeProto, place: NodePlace, body: Body): readonly (Value | null)[] | null {
  if (body.depth > 0 && --body.model.copies.left < 0)
    throw new ImportFailure("E0605", "the functions and subgraphs of the model come to too many nodes when they are written out");
  const own = body.model.functions.get(node);
  const translate = own ? null : (translationOf(node.domain, node.opType) ?? unsupported(node));
  const inputs = inputsOf(node, body);
  if (inputs === null) return null;
  const attributes = new Attributes(node.attribute, body.given, body.model.files);
  if (own || !translate) return own && callFunction(own, node, inputs, place.label, body);
  const { opType, output: outputs } = node;
  const { label, loc } = place;
  const { constants, batch, symbols } = body.model;
  const subgraphs = () => new BodySubgraphs(body, label);
  const source = { opType, label, opset: body.opsets.get("") ?? 1, loc, attributes, inputs, outputs, batch, symbols, subgraphs };
  const context = new NodeContext(source, body.func, constants);
  const made = (isStandard(node.domain) ? foldCondition(context) : null) ?? translate(context);
  const left = attributes.left();
  if (left.length > 0) throw new ImportFailure("E0605", `attribute ${left.join(", ")} is not supported`);
  const results = namedOutputs(node, made);
  countListed(results, body.model);
  return results;
}

function countListed(values: readonly (Value | null)[], { listed }: ModelContext): void {
  for (const value of values) if (value?.kind === "sizes") listed.count += value.elements.length;
  if (listed.count > mostListed)
    throw new ImportFailure("E0605", `more than ${mostListed} integers are computed for shapes: not supported`);
}

function unsupported(node: NodeProto): never {
  throw new ImportFailure("E0604", `the operator ${operatorName(node)} is not supported`, refusalOf(node.domain, node.opType));
}

/** Values of the inputs, null for an absent one; null altogether when one is spoiled. */
function inputsOf(node: NodeProto, { scope, computes }: Body): readonly (Value | null)[] | null {
  let spoiled = false;
  const inputs = node.input.map((name) => {
    if (name === "") return null;
    const value = scope.get(name);
    if (value === undefined) {
      const why = computes(name) ? "is used before the node that computes it" : "is not defined";
      throw new ImportFailure("E0607", `input ${JSON.stringify(name)} ${why}`);
    }
    spoiled ||= value === null;
    return value === "absent" ? null : value;
  });
  return spoiled ? null : inputs;
}

function namedOutputs(node: NodeProto, made: Value | readonly (Value | null)[]): readonly (Value | null)[] {
  const values: readonly (Value | null)[] = "type" in made ? [made] : made;
  return node.output.map((name, i) => {
    const value = values[i] ?? null;
    if (name !== "" && value === null) throw new ImportFailure("E0605", `output ${i} (${JSON.stringify(name)}) is not supported`);
    return value;
  });
}
