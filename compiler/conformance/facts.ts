/** @file What a test is about, read from its model alone: operators, element types, kinds of values. Exclusions, scores and the coverage page go by it. */

import { isStandard } from "../import/onnx/domains.ts";
import { toNumber } from "../import/onnx/int64.ts";
import type { GraphProto, ModelProto, NodeProto, TypeProto } from "../import/onnx/proto/gen/onnx.js";

export interface TestFacts {
  /** Operators anywhere in it, subgraphs and function bodies included, other domains as `domain:Op`; sorted. */
  readonly ops: readonly string[];
  /** Element types of inputs, outputs and initializers, by ONNX's names (FLOAT, INT64 ...); sorted. */
  readonly dtypes: readonly string[];
  /** Other kinds of inputs and outputs: sequence, optional, map, sparse; sorted. */
  readonly kinds: readonly string[];
  /** Version of the standard operator set; 1 where none is imported. */
  readonly opset: number;
}

export function factsOf(model: ModelProto): TestFacts {
  const ops = new Set<string>();
  const dtypes = new Set<string>();
  const kinds = new Set<string>();
  const { graph } = model;
  if (graph) addNodes(graph.node, ops);
  for (const body of model.functions) addNodes(body.node, ops);
  for (const { type } of [...(graph?.input ?? []), ...(graph?.output ?? [])]) addType(type ?? null, dtypes, kinds);
  for (const { dataType } of graph?.initializer ?? []) dtypes.add(dtypeName(dataType));
  const standard = model.opsetImport.find(({ domain }) => isStandard(domain));
  return { ops: [...ops].sort(), dtypes: [...dtypes].sort(), kinds: [...kinds].sort(), opset: toNumber(standard?.version ?? 1) };
}

/** TensorProto.DataType by its numbers. */
const dtypeNames: readonly string[] = (
  "UNDEFINED FLOAT UINT8 INT8 UINT16 INT16 INT32 INT64 STRING BOOL FLOAT16 DOUBLE UINT32 UINT64 COMPLEX64 COMPLEX128 BFLOAT16 " +
  "FLOAT8E4M3FN FLOAT8E4M3FNUZ FLOAT8E5M2 FLOAT8E5M2FNUZ UINT4 INT4 FLOAT4E2M1 FLOAT8E8M0 UINT2 INT2"
).split(" ");

const dtypeName = (code: number): string => dtypeNames[code] ?? `type ${code}`;

function addNodes(nodes: readonly NodeProto[], ops: Set<string>): void {
  for (const { domain, opType, attribute } of nodes) {
    ops.add(isStandard(domain) ? opType : `${domain}:${opType}`);
    const bodies = attribute.flatMap(({ g, graphs }): readonly GraphProto[] => (g ? [g, ...graphs] : graphs));
    for (const { node } of bodies) addNodes(node, ops);
  }
}

function addType(type: TypeProto | null, dtypes: Set<string>, kinds: Set<string>): void {
  if (!type) return;
  if (type.tensorType) return void dtypes.add(dtypeName(type.tensorType.elemType));
  kinds.add((type.value ?? "unknown").replace(/(Tensor)?Type$/, ""));
  addType(type.sequenceType?.elemType ?? type.optionalType?.elemType ?? type.mapType?.valueType ?? null, dtypes, kinds);
}
