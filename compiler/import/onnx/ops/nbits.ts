/**
 * @file `com.microsoft.MatMulNBits`: a linear layer whose weight is integers of 2, 4 or 8 bits with a scale for each block of inputs. Its unsigned codes about the middle of their range
 * become signed ones about 0 (one bit of each is turned over), so that the usual weight needs no zero points here: `quant.dequantize` of i4 with scales in blocks, the form which kernels
 * read in place. Source: ONNX Runtime's documentation of contributed operators.
 */
import { byteLengthOf, type Dim, decodeTensor, dimKey, dimMul, encodeTensor, hostTensor, tensorType } from "../../../../ir-spec/index.ts";
import type { NodeContext } from "../node.ts";
import { constantElements, type Value } from "../value.ts";
import { type ConstantValue, under } from "./quant.ts";

interface Layout {
  readonly inputs: number;
  readonly outputs: number;
  readonly bits: 2 | 4 | 8;
  readonly block: number;
  /** Blocks of a row, the last perhaps not full. */
  readonly blocks: number;
}

function layoutOf(node: NodeContext): Layout {
  const { attributes } = node;
  const [inputs, outputs] = [attributes.int("K", 0), attributes.int("N", 0)];
  const [bits, block] = [attributes.int("bits", 4), attributes.int("block_size", 0)];
  attributes.ignore("accuracy_level");
  if (inputs < 1 || outputs < 1) node.fail("E0606", `K = ${inputs} and N = ${outputs} must be positive`);
  if (block < 16 || (block & (block - 1)) !== 0) node.fail("E0606", `block_size must be a power of two from 16 on, got ${block}`);
  if (bits !== 2 && bits !== 4 && bits !== 8) return node.fail("E0605", `weights of ${bits} bits are not supported; supported: 2, 4, 8`);
  if (attributes.int("weight_prepacked", 0) !== 0)
    node.fail("E0605", "a weight in the layout of one processor is not supported", "export without weight_prepacked");
  return { inputs, outputs, bits, block, blocks: Math.ceil(inputs / block) };
}

/** Rows of `count` codes that each begin at a new byte and fill `rowBytes`, as one tensor without what is left over in each row; the top bit of each turned over. */
function signedRows(bytes: Uint8Array, rows: number, count: number, rowBytes: number, bits: Layout["bits"]): Uint8Array {
  const flipped = bytes.map((byte) => byte ^ topBits[bits]);
  const perRow = (rowBytes * 8) / bits;
  if (perRow === count) return flipped;
  const dtype = `u${bits}` as const;
  const { data } = decodeTensor(dtype, [rows * perRow], flipped);
  const kept = hostTensor(dtype, [rows * count]);
  for (let i = 0; i < kept.data.length; i++) kept.data[i] = data[Math.floor(i / count) * perRow + (i % count)] as number;
  return encodeTensor(kept);
}

/** The top bit of every code in a byte. */
const topBits: Readonly<Record<Layout["bits"], number>> = { 2: 0xaa, 4: 0x88, 8: 0x80 };

/** An input that must be a constant, for a weight is laid out here. */
function constantAt(node: NodeContext, index: number, what: string): ConstantValue {
  const value = node.input(index);
  return value.kind === "constant" ? value : node.fail("E0608", `${what} is not a constant`, "keep it as an initializer");
}

/** A constant of packed codes as signed ones, under its name. */
function codesAt(
  node: NodeContext,
  index: number,
  what: string,
  bits: Layout["bits"],
  rows: number,
  count: number,
  rowBytes: number,
): ConstantValue {
  const value = constantAt(node, index, what);
  if (value.bytes.length !== rows * rowBytes)
    node.fail("E0606", `${what} has ${value.bytes.length} bytes, its layout takes ${rows * rowBytes}`);
  return under(value, tensorType(`i${bits}`, [rows, count]), signedRows(value.bytes, rows, count, rowBytes, bits));
}

/** Zero points less the middle; null where all are the middle. */
function zeroPoints(node: NodeContext, { outputs, blocks, bits }: Layout): Value | null {
  if (!node.has(3)) return null;
  const rowBytes = byteLengthOf(`u${bits}`, blocks);
  const packed = node.type(3).dtype === "u8";
  const zeros = packed ? codesAt(node, 3, "zero_points", bits, outputs, blocks, rowBytes) : floatZeros(node, outputs, blocks, bits);
  return zeros.bytes.some((byte) => byte !== 0) ? zeros : null;
}

/** Zero points that are given as floats are taken where they are codes. */
function floatZeros(node: NodeContext, outputs: number, blocks: number, bits: Layout["bits"]): ConstantValue {
  const value = constantAt(node, 3, "zero_points");
  const given = constantElements(value) ?? [];
  if (given.length !== outputs * blocks) node.fail("E0606", `${given.length} zero points for ${outputs * blocks} blocks`);
  const half = 2 ** (bits - 1);
  const bad = given.find((zero) => !Number.isInteger(zero) || zero < 0 || zero >= 2 * half);
  if (bad !== undefined)
    node.fail("E0605", `the zero point ${bad} is no code of ${bits} bits: not supported`, "quantize with integer zero points");
  const zeros = hostTensor(`i${bits}`, [outputs, blocks]);
  for (const [i, zero] of given.entries()) zeros.data[i] = zero - half;
  return under(value, tensorType(zeros.dtype, zeros.shape), encodeTensor(zeros));
}

/** Scales as [N, blocks], as some files have them and others do not. */
function scalesAt(node: NodeContext, { outputs, blocks }: Layout): Value {
  const value = node.input(2);
  const count = value.type.shape.reduce<Dim>(dimMul, 1);
  if (count !== outputs * blocks) node.fail("E0606", `${dimKey(count)} scales for ${outputs * blocks} blocks`);
  if (value.type.shape.length === 2) return value;
  return value.kind === "constant"
    ? under(value, tensorType(value.type.dtype, [outputs, blocks]), value.bytes)
    : node.reshape(value, [outputs, blocks]);
}

/** Scales [N, blocks] that are the same in all blocks of a row, as [N]; null where they are not, or not known. */
function perOutput(scales: Value, { outputs, blocks }: Layout): Value | null {
  if (scales.kind !== "constant") return null;
  const { bytes, type } = scales;
  const [row, size] = [bytes.length / outputs, bytes.length / outputs / blocks];
  if (!bytes.every((byte, i) => byte === bytes[i - (i % row) + (i % size)])) return null;
  const firsts = Uint8Array.from({ length: outputs * size }, (_, i) => bytes[Math.floor(i / size) * row + (i % size)] ?? 0);
  return under(scales, tensorType(type.dtype, [outputs]), firsts);
}

/** A [..., K], B [N, blocks, bytes of a block], scales [N, blocks], zero points?, g_idx?, bias?. */
export function matMulNBits(node: NodeContext): Value {
  const layout = layoutOf(node);
  if (node.has(4))
    node.fail("E0605", "g_idx (blocks of scattered inputs) is not supported", "quantize without reordering the inputs (act-order off)");
  const { inputs, outputs, bits, block, blocks } = layout;
  const codes = codesAt(node, 1, "B", bits, outputs, inputs, (blocks * block * bits) / 8);
  const [scales, zeros] = [scalesAt(node, layout), zeroPoints(node, layout)];
  const rows = zeros === null ? perOutput(scales, layout) : null;
  const weight = node.emit("quant.dequantize", [codes, rows ?? scales, zeros], rows ? { axis: 0 } : { axis: 1, block });
  return node.emit("nn.linear", [node.input(0), weight, node.has(5) ? node.input(5) : null]);
}
