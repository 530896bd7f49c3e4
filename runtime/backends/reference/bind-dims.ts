/** @file Symbolic sizes replaced by the numbers that a run's inputs bound them to, in types and in attributes such as `{shape = [dim[N], 64]}`. */
import { type Attr, type AttrDict, attr } from "../../../ir-spec/core/attr.ts";
import { substituteDim } from "../../../ir-spec/core/dim.ts";
import { type TensorType, tensorType } from "../../../ir-spec/core/type.ts";

type Bindings = ReadonlyMap<string, number>;

export function bindType(type: TensorType, bindings: Bindings): TensorType {
  return tensorType(
    type.dtype,
    type.shape.map((dim) => substituteDim(dim, bindings)),
  );
}

/** The same object where nothing in it is symbolic. */
export function bindAttrs(attrs: AttrDict, bindings: Bindings): AttrDict {
  if (![...attrs.values()].some(isSymbolic)) return attrs;
  return new Map([...attrs].map(([key, value]) => [key, bindAttr(value, bindings)]));
}

function isSymbolic(value: Attr): boolean {
  if (value.kind === "list") return value.value.some(isSymbolic);
  if (value.kind === "dict") return [...value.value.values()].some(isSymbolic);
  return value.kind === "dim" || value.kind === "type";
}

function bindAttr(value: Attr, bindings: Bindings): Attr {
  if (value.kind === "dim") return attr.dim(substituteDim(value.value, bindings));
  if (value.kind === "type") return attr.type(bindType(value.value, bindings));
  if (value.kind === "list") return attr.list(value.value.map((item) => bindAttr(item, bindings)));
  return value.kind === "dict" ? { kind: "dict", value: bindAttrs(value.value, bindings) } : value;
}
