/** @file NumPy's .npy format, versions 1 to 3: little-endian, C order (numpy/lib/format.py). */
import { elementCount, type RuntimeDType, Tensor } from "../../runtime/index.ts";
import { DataError } from "./errors.ts";

const descriptors = new Map<string, RuntimeDType>(
  Object.entries<RuntimeDType>({
    "<f8": "f64",
    "<f4": "f32",
    "<f2": "f16",
    "<i8": "i64",
    "<i4": "i32",
    "<i2": "i16",
    "|i1": "i8",
    "<u8": "u64",
    "<u4": "u32",
    "<u2": "u16",
    "|u1": "u8",
    "|b1": "bool",
  }),
);

const dtypeNames = new Map([...descriptors].map(([descriptor, dtype]) => [dtype, descriptor]));
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** @throws DataError D0102 (not .npy), D0106 (header), D0107 (dtype), D0108 (Fortran order), D0101 and D0103 (length). */
export function readNpy(bytes: Uint8Array, where = "npy"): Tensor {
  if (magic.some((byte, i) => bytes[i] !== byte)) throw new DataError("D0102", where, "it does not begin with \\x93NUMPY");
  if (bytes.length < 12) throw new DataError("D0101", where, "the header is cut short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(6);
  if (version < 1 || version > 3) throw new DataError("D0106", where, `version ${version}; versions 1 to 3 are read`);
  const long = version >= 2;
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (long ? 12 : 10) + length;
  if (bytes.length < start)
    throw new DataError("D0101", where, `a header of ${length} bytes is announced, ${bytes.length} bytes are there`);
  const { dtype, shape } = parseHeader(new TextDecoder().decode(bytes.subarray(start - length, start)), where);
  // A view as plain Uint8Array: Node's Buffer, which a caller may pass, does not copy on slice.
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
  const expected = elementCount(shape) * bytesOf(dtype);
  if (body.length !== expected)
    throw new DataError(
      body.length < expected ? "D0101" : "D0103",
      where,
      `[${shape.join(", ")}] of ${dtype} takes ${expected} bytes, ${body.length} are there`,
    );
  return Tensor.fromBytes(dtype, body, shape);
}

function bytesOf(dtype: RuntimeDType): number {
  return dtype === "bool" ? 1 : Number(/\d+/.exec(dtype)?.[0]) / 8;
}

/** The header is a Python dictionary literal with the keys descr, fortran_order and shape. */
function parseHeader(text: string, where: string): { readonly dtype: RuntimeDType; readonly shape: readonly number[] } {
  const descriptor = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const sizes = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (order === undefined || sizes === undefined) throw new DataError("D0106", where, text.trim().slice(0, 100));
  const dtype = descriptor === undefined ? undefined : descriptors.get(descriptor);
  if (!dtype)
    throw new DataError("D0107", where, `descr ${descriptor ?? text.trim().slice(0, 60)}; supported: ${[...descriptors.keys()].join(" ")}`);
  if (order === "True") throw new DataError("D0108", where, "save it with numpy.ascontiguousarray");
  return {
    dtype,
    shape: sizes
      .split(",")
      .filter((s) => s.trim() !== "")
      .map(Number),
  };
}

/** Version 1.0, the data aligned to 64 bytes as NumPy does. @throws DataError D0107 on a dtype that NumPy lacks (bf16, sub-byte). */
export function writeNpy(tensor: Tensor): Uint8Array {
  const descriptor = dtypeNames.get(tensor.dtype);
  if (descriptor === undefined) throw new DataError("D0107", "npy", `NumPy has no ${tensor.dtype}`);
  const sizes = tensor.shape.length === 1 ? `${tensor.shape[0]},` : tensor.shape.join(", ");
  const dictionary = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((dictionary.length + 11) / 64) * 64 - 10;
  const header = new TextEncoder().encode(`${dictionary.padEnd(length - 1)}\n`);
  const body = tensor.bytes();
  const file = new Uint8Array(10 + length + body.length);
  file.set([...magic, 1, 0, length & 255, length >> 8]);
  file.set(header, 10);
  file.set(body, 10 + length);
  return file;
}
