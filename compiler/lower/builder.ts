/** @file Builds the two functions of a plan: lists of `rt.kernel` over values that are numbered as they are defined. */
import {
  type Attr,
  type AttrDict,
  attr,
  type Func,
  type Location,
  type Op,
  type Operand,
  type TensorType,
  type ValueId,
  type ValueInfo,
} from "../../ir-spec/index.ts";

export class PlanFunctionBuilder {
  readonly name: string;
  readonly values: ValueInfo[] = [];
  private readonly ops: Op[] = [];
  private readonly params: ValueId[] = [];

  constructor(name: string) {
    this.name = name;
  }

  param(name: string, type: TensorType): ValueId {
    if (this.ops.length > 0) throw new RangeError("parameters come before ops");
    const id = this.values.push({ name, type }) - 1;
    this.params.push(id);
    return id;
  }

  kernel(
    kernel: string,
    params: AttrDict,
    operands: readonly Operand[],
    results: readonly { readonly name: string | null; readonly type: TensorType }[],
    loc: Location,
    origin: string,
    /** null: the target's own. */
    backend: string | null = null,
  ): readonly ValueId[] {
    const ids = results.map((result) => this.values.push(result) - 1);
    const attrs = new Map<string, Attr>([["kernel", attr.string(kernel)]]);
    if (params.size > 0) attrs.set("params", { kind: "dict", value: params });
    if (backend !== null) attrs.set("backend", attr.string(backend));
    if (origin !== kernel) attrs.set("plan.origin", attr.string(origin));
    this.ops.push({ name: "rt.kernel", operands, attrs, results: ids, doc: null, loc });
    return ids;
  }

  /** The values, moved to a backend. */
  copy(operands: readonly ValueId[], backend: string): readonly ValueId[] {
    const results = operands.map((id) => this.values.push({ name: null, type: (this.values[id] as ValueInfo).type }) - 1);
    this.ops.push({ name: "rt.copy", operands, attrs: new Map([["backend", attr.string(backend)]]), results, doc: null, loc: [] });
    return results;
  }

  finish(
    results: readonly { readonly name: string; readonly operand: ValueId | string; readonly type: TensorType }[],
    base: Partial<Func> = {},
  ): Func {
    return {
      name: this.name,
      values: this.values,
      params: this.params,
      results: results.map(({ name, type }) => ({ name, type })),
      returns: results.map((r) => r.operand),
      carries: base.carries ?? [],
      requires: base.requires ?? [],
      ops: this.ops,
      doc: null,
    };
  }
}
