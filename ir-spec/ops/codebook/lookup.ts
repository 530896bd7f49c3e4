/** @file Weight sharing: codes into a table of values (Han et al., "Deep Compression", 2016) or of vectors (product quantization; Gong et al., 2014). */
import { dimKey, dimProduct } from "../../core/dim.ts";
import { TersorError } from "../../core/problem.ts";
import { type HostTensor, hostTensor, type TensorData } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { dimAt } from "../nn/checks.ts";

export const lookup = defineOp({
  name: "codebook.lookup",
  since: 1,
  doc: "`y[i, ...] = table[codes[i], ...]`, in the shape of `codes` followed by that of an entry, and the dtype of `table`. Entries are scalars or, in a table of higher rank, vectors. A code at or beyond the table's end is an error. ONNX `Gather` on axis 0.",
  operands: [
    { name: "table", role: "weight", axes: ["entries", "..."] },
    {
      name: "codes",
      role: "index",
      axes: ["..."],
      dtypes: ["u8", "u4", "u2", "u1", "u16", "u32"],
      doc: "Positions in the table, any shape.",
    },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {},
  infer(ctx) {
    const table = ctx.type(0);
    if (table.shape.length === 0) ctx.fail("table is a scalar, needs at least the axis `entries`", 0);
    if (table.shape[0] === 0) ctx.fail("table is empty", 0);
    return [tensorType(table.dtype, [...ctx.type(1).shape, ...table.shape.slice(1)])];
  },
  reference(ctx) {
    const [table, codes] = [ctx.input(0), ctx.input(1)];
    const y = hostTensor(table.dtype, [...codes.shape, ...table.shape.slice(1)]);
    gather(table, codes.data as Uint8Array, y.data);
    return [y];
  },
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  gradient({ builder, operands, grads, wanted }) {
    const [table = null, codes = null] = operands;
    if (!wanted[0]) return [null, null];
    const size = dimAt(builder.typeOf(table), 0);
    if (typeof size !== "number") throw new RangeError(`the table of a codebook must have a static size, got ${dimKey(size)}`);
    const indices = builder.one("type.cast", [codes], { to: "i32" });
    return [builder.one("shape.scatter_add", [indices, grads[0] ?? null], { size, axis: 0 }), null];
  },
  maps({ types }) {
    const rank = types[1]?.shape.length ?? 0;
    const codes = Array.from({ length: rank }, (_, axis) => ({ operand: 1, operandAxes: [axis], result: 0, resultAxes: [axis] }));
    const entry = (types[0]?.shape ?? []).slice(1);
    return [...codes, ...entry.map((_, axis) => ({ operand: 0, operandAxes: [axis + 1], result: 0, resultAxes: [rank + axis] }))];
  },
  select({ side, index, axis, attrs }) {
    if (side === "operand" && index === 0 && axis === 0) return { refuse: "cutting table entries would need other codes" };
    return { attrs };
  },
});

/** @throws TersorError E0503 on a code beyond the table. */
function gather({ shape, data }: HostTensor, codes: Uint8Array, into: TensorData): void {
  const entries = shape[0] as number;
  const width = data.length / entries;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    if (code >= entries) {
      throw new TersorError({
        code: "E0503",
        message: `codebook.lookup: code ${code} at index ${i}, the table has ${entries} entries`,
        operand: 1,
      });
    }
    for (let j = 0; j < width; j++) into[i * width + j] = data[code * width + j] as number | bigint as never;
  }
}
