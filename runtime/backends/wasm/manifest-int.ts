/**
 * @file Rows of the dialect `int`, and of max pooling on bytes. Cost terms come from one loaded core, by the ratio to the f32 rows on the same shapes: convolutions and
 * matrix products take about half the time, depthwise ones as long.
 */
import type { CostTerms, KernelRow, OperandRule } from "../../manifest.ts";

const launch = 0.1;
/** Vectors of bytes: work per element hidden behind its bytes, or nearly so. */
const byteVectors: CostTerms = { launch, macNs: 0, byteNs: 0.05, opNs: 0.15 };
const byteWindows: CostTerms = { launch, macNs: 0, byteNs: 0.05, opNs: 0.2 };
const streaming: CostTerms = { launch, macNs: 0, byteNs: 0.05, opNs: 0 };

const bytes: OperandRule = { dtypes: ["i8", "u8"] };
const i8: OperandRule = { dtypes: ["i8"] };
const i32: OperandRule = { dtypes: ["i32"] };
const byteDtypes = ["i8", "u8"] as const;
const bytePlanes: OperandRule = { dtypes: byteDtypes, ranks: [3, 4] };
const oneGroup: KernelRow["when"] = [{ attr: "groups", oneOf: [1] }];

/** Weights of one group with two input channels, or rows of the kernel, side by side. */
function packedWeights(spatial: 1 | 2): OperandRule {
  const kernel = spatial === 1 ? [{ axis: 2 }] : [{ axis: 2 }, { axis: 3 }];
  const shape = [{ axis: 0, tiles: 4 }, { axis: 1, tiles: 2 }, ...kernel, 8];
  return { dtypes: ["i8"], ranks: [spatial + 2], source: "constant", pack: { kernel: "i8_pack_conv", shape, dtype: "i16" } };
}

/** A row per dtype of the result. */
const eachByte = (row: Omit<KernelRow, "results">): readonly KernelRow[] => byteDtypes.map((dtype) => ({ ...row, results: [dtype] }));

export const integers: readonly KernelRow[] = [
  ...eachByte({
    id: "i8_linear",
    op: "int.linear",
    operands: [
      bytes,
      {
        ...i8,
        ranks: [2],
        source: "constant",
        pack: { kernel: "i8_pack_linear", shape: [{ axis: 0, tiles: 8 }, { axis: 1, tiles: 2 }, 16], dtype: "i8" },
      },
      i32,
      i32,
      i32,
    ],
    cost: { launch, macNs: 0.017, byteNs: 0.05, opNs: 0 },
  }),
  ...([1, 2] as const).flatMap((spatial) =>
    eachByte({
      id: "i8_conv",
      op: "int.conv",
      operands: [{ ...bytes, ranks: [spatial + 2] }, packedWeights(spatial), i32, i32, i32],
      when: oneGroup,
      cost: { launch: 1, macNs: 0.023, byteNs: 0.4, opNs: 0 },
    }),
  ),
  ...eachByte({
    id: "i8_conv_grouped",
    op: "int.conv",
    operands: [bytePlanes, { ...i8, ranks: [3, 4] }, i32, i32, i32],
    cost: { launch: 2, macNs: 0.05, byteNs: 0.6, opNs: 0 },
  }),
  { id: "i8_pack_linear", op: "rt.pack", operands: [{ ...i8, ranks: [2] }], results: ["i8"], cost: streaming },
  { id: "i8_pack_conv", op: "rt.pack", operands: [{ ...i8, ranks: [3, 4] }], results: ["i16"], cost: streaming },
  ...eachByte({ id: "i8_add", op: "int.add", operands: [bytes, bytes], cost: byteVectors }),
  ...eachByte({ id: "i8_requantize", op: "int.requantize", operands: [bytes], cost: byteVectors }),
  ...eachByte({ id: "i8_lookup", op: "int.lookup", operands: [bytes, bytes], cost: byteVectors }),
  ...eachByte({ id: "i8_avg_pool", op: "int.avg_pool", operands: [bytePlanes], cost: { ...byteWindows, opNs: 0.6 } }),
  ...eachByte({ id: "i8_mean", op: "int.mean", operands: [bytes], cost: byteVectors }),
  { id: "i8_max_pool", op: "nn.max_pool", operands: [bytePlanes], cost: byteWindows },
];
