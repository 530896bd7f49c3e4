/**
 * @file Symbolic dims of an ONNX model as symbols of ours: uppercase, one for each `dim_param`, a fresh one for each unnamed size. The batch, whatever the
 * file calls it, is `N`. What each symbol was called goes to `meta`.
 */
import { type Dim, type DimExpr, dimSymbol } from "../../../ir-spec/index.ts";
import { usualVerdict } from "./conditions.ts";
import { toNumber } from "./int64.ts";
import type { TensorShapeProtoDimension } from "./proto/gen/onnx.js";

const batchNames = /^(n|batch|batch_?size)$/i;

export class DimSymbols {
  /** Truth values that were assumed so far, by `assume`. */
  assumptions = 0;
  private readonly against: number | null;
  private readonly byParam = new Map<string, DimExpr>();
  /** Symbol to original name; the empty string for a size that had none. */
  readonly originals = new Map<string, string>();

  /** @param against the assumption, by its number, that is made against what an ordinary run takes */
  constructor(against: number | null = null) {
    this.against = against;
  }

  /** Which case the imported program is for, where sizes that are symbols decide. */
  assume(truth: Dim): boolean {
    return usualVerdict(truth) !== (this.assumptions++ === this.against);
  }

  /** The dim of one axis of a graph input. A negative size stands for "unknown" in what some exporters write. */
  dim(proto: TensorShapeProtoDimension, axis: number): Dim {
    const size = proto.dimValue === null ? -1 : toNumber(proto.dimValue);
    if (size >= 0) return size;
    const param = proto.dimParam ?? "";
    if (param === "") return this.fresh(axis === 0 ? "N" : "D", "");
    const known = this.byParam.get(param);
    if (known) return known;
    const symbol = this.fresh(batchNames.test(param) ? "N" : uppercase(param), param);
    this.byParam.set(param, symbol);
    return symbol;
  }

  /** A new symbol named `base`, or `base_2`, `base_3`... */
  fresh(base: string, original: string): DimExpr {
    let name = base;
    for (let i = 2; this.originals.has(name); i++) name = `${base}_${i}`;
    this.originals.set(name, original);
    return dimSymbol(name);
  }
}

function uppercase(param: string): string {
  const name = param
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return /^[A-Z]/.test(name) ? name : `D_${name}`.replace(/_$/, "");
}
