/** @file Which elements of a stored weight share a step: all, those of a channel, or groups along the input axis (ONNX's blocked form). */
import { type Constant, dimProduct, staticShape } from "../../ir-spec/index.ts";
import type { Blocks } from "./grid.ts";

export interface Scheme {
  readonly blocks: Blocks;
  readonly scaleShape: readonly number[];
  /** Attributes of `quant.dequantize`. */
  readonly attrs: { readonly axis?: number; readonly block?: number };
  readonly label: string;
}

export interface SchemeOptions {
  readonly bits: number;
  readonly granularity: "auto" | "tensor" | "channel" | "group";
  readonly group: number;
}

export function schemeFor(leaf: Constant, options: SchemeOptions): Scheme {
  const shape = staticShape(leaf.type.shape) ?? [];
  const wanted = options.granularity === "auto" ? (options.bits === 8 ? "channel" : "group") : options.granularity;
  if (shape.length < 2) return wanted === "tensor" ? wholeTensor("tensor") : flatGroups(shape[0] ?? 1, Math.max(options.group, 64));
  const inputs = shape[1] as number;
  if (wanted === "group" && inputs % options.group === 0) return grouped(shape, options.group);
  return wanted === "tensor" ? wholeTensor("tensor") : perChannel(shape);
}

export function wholeTensor(label: string): Scheme {
  return { blocks: { blockOf: () => 0, count: 1 }, scaleShape: [], attrs: {}, label: `per ${label}` };
}

/** The values of a pruned weight are a flat list: groups of consecutive ones. */
function flatGroups(count: number, group: number): Scheme {
  const blocks = Math.ceil(count / group);
  if (blocks <= 1 || count % group !== 0) return wholeTensor("tensor");
  return {
    blocks: { blockOf: (i) => Math.floor(i / group), count: blocks },
    scaleShape: [blocks],
    attrs: { axis: 0, block: group },
    label: `groups of ${group}`,
  };
}

function perChannel(shape: readonly number[]): Scheme {
  const channels = shape[0] as number;
  const size = Number(dimProduct(shape.slice(1)));
  return {
    blocks: { blockOf: (i) => Math.floor(i / size), count: channels },
    scaleShape: [channels],
    attrs: { axis: 0 },
    label: "per channel",
  };
}

/** Groups of `group` along axis 1, ONNX's blocked form. */
function grouped(shape: readonly number[], group: number): Scheme {
  const inputs = shape[1] as number;
  const rest = Number(dimProduct(shape.slice(2)));
  const perRow = inputs / group;
  const blockOf = (i: number): number => {
    const row = Math.floor(i / (inputs * rest));
    const input = Math.floor(i / rest) % inputs;
    return (row * perRow + Math.floor(input / group)) * rest + (i % rest);
  };
  const scaleShape = [shape[0] as number, perRow, ...shape.slice(2)];
  return {
    blocks: { blockOf, count: Number(dimProduct(scaleShape)) },
    scaleShape,
    attrs: { axis: 1, block: group },
    label: `groups of ${group}`,
  };
}
