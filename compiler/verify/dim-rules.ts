/** @file The dim symbols of one function: parameters make them known, an op's results or `dim[?K]` introduce them, all else must know them. */
import { type Dim, dimSymbols, isDimSymbolName } from "../../ir-spec/core/dim.ts";
import type { TensorType } from "../../ir-spec/core/type.ts";
import type { Findings, Site } from "./findings.ts";

export class DimRules {
  private readonly findings: Findings;
  private readonly known = new Set<string>();
  /** Dims whose symbols are all known: the same few recur in every op. */
  private readonly settled = new Set<string>();

  constructor(findings: Findings) {
    this.findings = findings;
  }

  bind(shape: readonly Dim[]): void {
    for (const dim of shape) dimSymbols(dim, this.known);
  }

  use(site: Site, shape: readonly Dim[]): void {
    for (const name of this.unknown(shape)) {
      this.findings.report(site, "E0213", [name]);
      this.known.add(name);
    }
  }

  introduce(site: Site, name: string): void {
    if (this.known.has(name)) this.findings.report(site, "E0214", [name]);
    this.known.add(name);
  }

  /** Result types of one op: a symbol is introduced by standing alone somewhere in them. */
  results(site: Site, types: readonly TensorType[]): void {
    for (const { shape } of types) {
      for (const dim of shape) if (typeof dim === "object" && isDimSymbolName(dim.key)) this.known.add(dim.key);
    }
    for (const { shape } of types) this.use(site, shape);
  }

  private unknown(shape: readonly Dim[]): readonly string[] {
    let found: string[] | null = null;
    for (const dim of shape) {
      if (typeof dim === "number" || this.settled.has(dim.key)) continue;
      const missing = [...dimSymbols(dim)].filter((name) => !this.known.has(name));
      if (missing.length === 0) this.settled.add(dim.key);
      else found = [...(found ?? []), ...missing];
    }
    return found ?? [];
  }
}
