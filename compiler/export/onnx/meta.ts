/** @file What stands around the graph: versions, producer, and notes for people and for `tersor` itself under `com.tersor.*`. */
import type { AttrDict, Func, Module } from "../../../ir-spec/index.ts";
import type { GraphProto, Input, ModelProto, StringStringEntryProto } from "../../import/onnx/proto/gen/onnx.js";
import { compilerVersion } from "../../version.ts";

export const oldestOpset = 13;
export const newestOpset = 26;
export const defaultOpset = 21;

/** IR version that came with each operator set: the first is that of `oldestOpset`. */
const irVersions: readonly number[] = [7, 7, 8, 8, 8, 8, 9, 9, 10, 10, 11, 12, 13, 13];

export function modelProto(
  module: Module,
  main: Func,
  graph: Input<GraphProto>,
  opset: number,
  pipeline: string | null,
  domains: readonly string[],
): Input<ModelProto> {
  const { meta } = module;
  const [domain, version] = [textOf(meta, "domain"), meta?.get("model_version")];
  const props = metadataProps(meta, main, pipeline);
  return {
    irVersion: irVersions[opset - oldestOpset] ?? 13,
    producerName: "tersor",
    producerVersion: compilerVersion,
    ...(domain === null ? {} : { domain }),
    ...(version?.kind === "int" ? { modelVersion: Number(version.value) } : {}),
    ...(module.doc === null ? {} : { docString: module.doc }),
    graph,
    opsetImport: [{ domain: "", version: opset }, ...domains.map((name) => ({ domain: name, version: 1 }))],
    ...(props.length > 0 ? { metadataProps: props } : {}),
  };
}

function metadataProps(meta: AttrDict | null, main: Func, pipeline: string | null): StringStringEntryProto[] {
  const props = new Map<string, string>();
  const kept = meta?.get("metadata_props");
  if (kept?.kind === "dict") for (const [key, value] of kept.value) if (value.kind === "string") props.set(key, value.value);
  if (pipeline !== null && pipeline !== "") props.set("com.tersor.pipeline", pipeline);
  if (main.carries.length > 0) {
    const pairs = main.carries.map(({ param, result }) => [main.values[param]?.name ?? "", result]);
    props.set("com.tersor.carry", JSON.stringify(Object.fromEntries(pairs)));
  }
  return [...props].map(([key, value]) => ({ key, value }));
}

function textOf(meta: AttrDict | null, key: string): string | null {
  const value = meta?.get(key);
  return value?.kind === "string" ? value.value : null;
}

/** What each dim symbol was called in the model it came from; a symbol that had no name keeps its own. */
export function originalDims(meta: AttrDict | null): ReadonlyMap<string, string> {
  const dims = meta?.get("dims");
  if (dims?.kind !== "dict") return new Map();
  return new Map([...dims.value].flatMap(([symbol, name]) => (name.kind === "string" && name.value !== "" ? [[symbol, name.value]] : [])));
}
