/** @file Rows of recurrent layers, their weights packed at load where they are constants. */
import type { CostTerms, KernelRow, OperandRule } from "../../manifest.ts";

const f32: OperandRule = { dtypes: ["f32"] };
const matrix: OperandRule = { dtypes: ["f32"], ranks: [2] };
const lengths: OperandRule = { dtypes: ["i32", "i64"] };

/** The products of single steps are by one row: bound by reading the weights. */
const packed: CostTerms = { launch: 5, macNs: 0.06, byteNs: 0.1, opNs: 2 };
const unpacked: CostTerms = { ...packed, byteNs: 0.5 };

interface Layer {
  readonly name: string;
  readonly gates: number;
  /** Operands after the bias. */
  readonly states: readonly OperandRule[];
  readonly results: KernelRow["results"];
}

const layers: readonly Layer[] = [
  { name: "rnn", gates: 1, states: [f32, lengths], results: ["f32", "f32"] },
  { name: "gru", gates: 3, states: [f32, lengths], results: ["f32", "f32"] },
  { name: "lstm", gates: 4, states: [f32, f32, f32, lengths], results: ["f32", "f32", "f32"] },
];

/** The weight as for `nn.linear`; the recurrence with every gate in whole panels. */
const packedWeights = (gates: number): readonly OperandRule[] => [
  {
    ...matrix,
    source: "constant",
    pack: { kernel: "f32_pack_linear", shape: [{ axis: 0, tiles: 16 }, { axis: 1 }, 16], dtype: "f32" },
  },
  {
    ...matrix,
    source: "constant",
    pack: { kernel: "f32_pack_gates", shape: [gates, { axis: 1, tiles: 16 }, { axis: 1 }, 16], dtype: "f32" },
  },
];

export const sequences: readonly KernelRow[] = [
  ...layers.flatMap(({ name, gates, states, results }): readonly KernelRow[] => {
    const row = (id: string, weights: readonly OperandRule[], cost: CostTerms): KernelRow => ({
      id,
      op: `nn.${name}`,
      operands: [f32, ...weights, f32, ...states],
      ...(results ? { results } : {}),
      cost,
    });
    return [row(`f32_${name}`, packedWeights(gates), packed), row(`f32_${name}_rows`, [matrix, matrix], unpacked)];
  }),
  { id: "f32_pack_gates", op: "rt.pack", operands: [matrix], results: ["f32"], cost: { launch: 0.1, macNs: 0, byteNs: 0.05, opNs: 0 } },
];
