/** @file Rows of detectors' ops, of pools' indices and of determinants: loops in JavaScript over the memory. */
import type { CostTerms, KernelRow, OperandRule } from "../../manifest.ts";

const f32: OperandRule = { dtypes: ["f32"] };
const index: OperandRule = { dtypes: ["i64", "i32"] };
const scripted: CostTerms = { launch: 1, macNs: 2, byteNs: 0.1, opNs: 3 };
/** Values that wait on the host. */
const found: CostTerms = { launch: 5, macNs: 0, byteNs: 0.5, opNs: 10 };

export const detection: readonly KernelRow[] = [
  { id: "max_pool_index", op: "nn.max_pool_index", operands: [{ dtypes: ["f32", "i8", "u8"] }], results: ["i64"], cost: scripted },
  { id: "f32_roi_align", op: "nn.roi_align", operands: [f32, f32, index], results: ["f32"], cost: scripted },
  { id: "f32_det", op: "math.det", operands: [f32], results: ["f32"], cost: scripted },
  {
    id: "non_max_suppression",
    op: "dynamic.non_max_suppression",
    operands: [f32, f32, index, f32, f32],
    results: ["i64"],
    cost: found,
  },
];
