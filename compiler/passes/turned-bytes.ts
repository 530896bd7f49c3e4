/**
 * @file The transpose of a matrix whose bytes lie elsewhere, made in bands of rows: neither the matrix nor its transpose need be in memory beside where it goes. A layer of an ONNX `MatMul` keeps its weight
 * turned, and such a weight may be as large as memory.
 */
import { type ByteSource, BytesElsewhere, type DerivedConstant, dtypeInfo, type Module, staticShape } from "../../ir-spec/index.ts";

/** Bytes of one band. */
const band = 1 << 22;

/** null unless the definition turns a matrix of whole bytes that lie elsewhere. */
export function turnedBytes(module: Module, constant: DerivedConstant): ByteSource | null {
  const [name] = constant.operands;
  const matrix = name === undefined || name === null ? undefined : module.constants.get(name);
  const size = dtypeInfo(constant.type.dtype).bits / 8;
  if (constant.op !== "shape.transpose" || matrix?.kind !== "data" || !isSwap(constant) || !Number.isInteger(size)) return null;
  const { storage } = matrix;
  const [rows = 0, columns = 0, ...more] = staticShape(matrix.type.shape) ?? [];
  if (!(storage instanceof BytesElsewhere) || more.length > 0) return null;
  const readInto = (target: Uint8Array): void => {
    const step = Math.max(1, Math.floor(band / (columns * size)));
    for (let row = 0; row < rows; row += step) {
      const count = Math.min(step, rows - row);
      const part = storage.part(row * columns * size, count * columns * size);
      turn(part, count, columns, target, row, rows, size);
    }
  };
  return {
    readInto,
    read() {
      const target = new Uint8Array(storage.length);
      readInto(target);
      return target;
    },
  };
}

function isSwap({ attrs }: DerivedConstant): boolean {
  const perm = attrs.get("perm");
  return perm?.kind === "list" && perm.value.map((item) => (item.kind === "int" ? Number(item.value) : -1)).join() === "1,0";
}

/** `count` rows from `row` on become columns of the target, which has `rows` of them. */
function turn(part: Uint8Array, count: number, columns: number, target: Uint8Array, row: number, rows: number, size: number): void {
  if (size === 4 && part.byteOffset % 4 === 0 && target.byteOffset % 4 === 0) {
    const [from, to] = [part, target].map(({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length / 4)) as [
      Uint32Array,
      Uint32Array,
    ];
    for (let column = 0; column < columns; column++)
      for (let i = 0; i < count; i++) to[column * rows + row + i] = from[i * columns + column] as number;
    return;
  }
  for (let column = 0; column < columns; column++)
    for (let i = 0; i < count; i++) {
      const at = (i * columns + column) * size;
      target.set(part.subarray(at, at + size), (column * rows + row + i) * size);
    }
}
