/** @file Rows of ops that read or write by index, or find indices. */
import type { CostTerms, KernelRow, OperandRule } from "../../manifest.ts";

const combinable = ["f32", "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8"] as const;
const movable: OperandRule = { dtypes: [...combinable, "bool", "f64", "f16", "bf16"] };
const index: OperandRule = { dtypes: ["i64", "i32"] };

const wide: OperandRule = { dtypes: ["i64"] };

/** A look-up for every index and a copy for every element. */
const indexed: CostTerms = { launch: 0.3, macNs: 0, byteNs: 0.1, opNs: 2 };

/** Numbers as JavaScript has them: half floats are bits. */
const numbers: OperandRule = { dtypes: [...combinable, "f64"] };
/** A loop in JavaScript, and values that wait on the host. */
const found: CostTerms = { launch: 5, macNs: 0, byteNs: 0.5, opNs: 10 };

const replacing = [{ attr: "reduction", oneOf: ["none"] }];
const combining = [{ attr: "reduction", oneOf: ["add", "mul", "min", "max"] }];

export const indexing: readonly KernelRow[] = [
  { id: "gather_elements", op: "shape.gather_elements", operands: [movable, index], cost: indexed },
  { id: "gather_nd", op: "shape.gather_nd", operands: [movable, index], cost: indexed },
  ...(["scatter_elements", "scatter_nd"] as const).flatMap((id): readonly KernelRow[] => [
    { id, op: `shape.${id}`, operands: [movable, index, movable], when: replacing, cost: indexed },
    { id, op: `shape.${id}`, operands: [{ dtypes: combinable }, index, { dtypes: combinable }], when: combining, cost: indexed },
  ]),
  { id: "scatter_add", op: "shape.scatter_add", operands: [index, { dtypes: combinable }], cost: indexed },
  { id: "top_k", op: "reduce.top_k", operands: [{ dtypes: combinable }], cost: { launch: 0.3, macNs: 0, byteNs: 0.1, opNs: 8 } },
  { id: "nonzero", op: "dynamic.nonzero", operands: [movable], results: ["i64"], cost: found },
  { id: "range", op: "dynamic.range", operands: [numbers, numbers, numbers], cost: found },
  { id: "unique", op: "dynamic.unique", operands: [{ dtypes: [...combinable, "f64", "bool"] }], cost: found },
  { id: "reshape_to", op: "dynamic.reshape", operands: [movable, wide], cost: found },
  { id: "broadcast_to", op: "dynamic.broadcast", operands: [movable, wide], cost: found },
  { id: "slice_to", op: "dynamic.slice", operands: [movable, wide, wide, wide], cost: found },
];
