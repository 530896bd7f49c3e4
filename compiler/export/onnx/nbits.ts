/**
 * @file Weights as `com.microsoft.MatMulNBits` takes them: unsigned codes of 2, 4 or 8 bits in whole blocks of each row, a scale for each block, zero points packed row by row. Its default
 * zero point is the middle of the range, so signed codes with zero point 0 need none. Source: ONNX Runtime's documentation of contributed operators.
 */
import { type DType, dtypeInfo, encodeTensor, type HostTensor, hostTensor } from "../../../ir-spec/index.ts";
import type { QuantizedWeight } from "./weights.ts";

export interface NBitsWeight {
  readonly bits: 2 | 4 | 8;
  readonly block: number;
  readonly outputs: number;
  readonly inputs: number;
  /** u8 [outputs, blocks, bytes of a block]. */
  readonly codes: HostTensor;
  /** [outputs, blocks] */
  readonly scales: HostTensor;
  /** u8, whole bytes for each output; null: the middle everywhere. */
  readonly zeros: HostTensor | null;
}

/** Block of a weight that has one scale per output: long enough that repeating the scale costs little. */
const repeatedBlock = 128;

/** The weight [out, in] in this form; null where it has none: scales that lie otherwise, other widths, blocks that are no power of two from 16 on. */
export function nbitsWeight(weight: QuantizedWeight): NBitsWeight | null {
  const { codes, scale, zero } = weight;
  const [outputs = 0, inputs = 0] = codes.shape;
  const { bits } = dtypeInfo(codes.dtype);
  if (codes.shape.length !== 2 || codes.data.length === 0 || (bits !== 2 && bits !== 4 && bits !== 8)) return null;
  const block = blockOf(weight, bits);
  if (block === null || block < 16 || (block & (block - 1)) !== 0 || (scale.dtype !== "f32" && scale.dtype !== "f16")) return null;
  const blocks = Math.ceil(inputs / block);
  const repeated = <T extends HostTensor>(tensor: T): HostTensor => spread(tensor, outputs, blocks, weight.block > 0);
  const middle = codes.dtype.startsWith("i") ? 2 ** (bits - 1) : 0;
  const all = zero ? repeated(zero) : hostTensor(codes.dtype, [outputs, blocks]);
  const centred = all.data.every((value: number | bigint) => Number(value) + middle === 2 ** (bits - 1));
  const packed = packedRows(codes, outputs, inputs, blocks * block, bits, middle);
  return {
    bits,
    block,
    outputs,
    inputs,
    codes: hostTensor("u8", [outputs, blocks, (block * bits) / 8], packed),
    scales: repeated(scale),
    zeros: centred ? null : zerosOf(all, outputs, blocks, bits, middle),
  };
}

function blockOf({ scale, axis, block }: QuantizedWeight, bits: number): number | null {
  if (block > 0) return axis === 1 ? block : null;
  // Bytes with one scale per output are what engines have integer kernels for.
  if (bits === 8) return null;
  return scale.shape.length === 0 || axis === 0 ? repeatedBlock : null;
}

/** Scales or zero points for every block, from those for all, for each row, or for each block. */
function spread(tensor: HostTensor, outputs: number, blocks: number, blocked: boolean): HostTensor {
  if (blocked) return tensor;
  const wide = hostTensor(tensor.dtype, [outputs, blocks]);
  for (let i = 0; i < wide.data.length; i++) wide.data[i] = tensor.data[tensor.shape.length === 0 ? 0 : Math.floor(i / blocks)] as number;
  return wide;
}

/** Rows of codes as unsigned ones (`middle` higher), each filled up to `width`, low bits first. */
function packedRows(codes: HostTensor, rows: number, count: number, width: number, bits: number, middle: number): Uint8Array {
  const wide = hostTensor(`u${bits}` as DType, [rows * width]);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < count; i++) wide.data[row * width + i] = Number(codes.data[row * count + i]) + middle;
  }
  return encodeTensor(wide);
}

function zerosOf(zeros: HostTensor, outputs: number, blocks: number, bits: number, middle: number): HostTensor {
  const perByte = 8 / bits;
  const width = Math.ceil(blocks / perByte) * perByte;
  return hostTensor("u8", [outputs, width / perByte], packedRows(zeros, outputs, blocks, width, bits, middle));
}
