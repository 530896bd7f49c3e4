/** @file What the file says of itself, as the module's `meta`. */
import { type Attr, type AttrDict, attr } from "../../../ir-spec/index.ts";
import { toNumber } from "./int64.ts";
import type { BatchSymbol } from "./node.ts";
import type { ModelProto } from "./proto/gen/onnx.js";

export function metaOf(model: ModelProto, dims: ReadonlyMap<string, string>, batch: BatchSymbol | null): AttrDict {
  const meta = new Map<string, Attr>([["source", attr.string("onnx")]]);
  const text = (key: string, value: string) => void (value !== "" && meta.set(key, attr.string(value)));
  text("producer", [model.producerName, model.producerVersion].filter((part) => part !== "").join(" "));
  text("domain", model.domain);
  meta.set("ir_version", attr.int(toNumber(model.irVersion)));
  if (toNumber(model.modelVersion) !== 0) meta.set("model_version", attr.int(toNumber(model.modelVersion)));
  meta.set("opset", dict(model.opsetImport.map((o) => [o.domain === "" ? "ai.onnx" : o.domain, attr.int(toNumber(o.version))])));
  if (dims.size > 0) meta.set("dims", dict([...dims].map(([symbol, name]) => [symbol, attr.string(name)])));
  const props = [...model.metadataProps, ...(model.graph?.metadataProps ?? [])];
  if (props.length > 0) meta.set("metadata_props", dict(props.map((p) => [p.key, attr.string(p.value)])));
  if (batch) meta.set("dynamic_batch", batchDict(batch));
  return meta;
}

function batchDict(batch: BatchSymbol): Attr {
  const list = (names: readonly string[]) => attr.list(names.map(attr.string));
  return dict([
    ["symbol", attr.string(batch.dim.key)],
    ["inputs", list(batch.inputs)],
    ["reshapes", list(batch.reshapes)],
  ]);
}

const dict = (entries: readonly (readonly [string, Attr])[]): Attr => ({ kind: "dict", value: new Map(entries) });
