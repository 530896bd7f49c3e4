/** @file The constants that a graph brings: dense tensors as views of the file, sparse ones written out. */
import {
  byteLengthOf,
  countOf,
  decodeTensor,
  dtypeInfo,
  type HostTensor,
  staticShape,
  tensorType,
  unknownLocation,
} from "../../../ir-spec/index.ts";
import type { ModelContext } from "./body-context.ts";
import { ImportFailure } from "./errors.ts";
import { toNumber } from "./int64.ts";
import type { GraphProto, SparseTensorProto, TensorProto } from "./proto/gen/onnx.js";
import type { Scope } from "./scope.ts";
import { readTensor, type TensorValue } from "./tensor.ts";

export function addInitializers(graph: GraphProto, scope: Scope, model: Pick<ModelContext, "spelledOut" | "files">): void {
  for (const tensor of graph.initializer) add(tensor, scope, () => readTensor(tensor, "it", model.files));
  for (const sparse of graph.sparseInitializer) add(sparse.values, scope, () => readSparse(sparse, model));
}

function add(tensor: TensorProto | null, scope: Scope, read: () => TensorValue): void {
  const name = tensor?.name ?? "";
  const where = `initializer ${JSON.stringify(name)}`;
  const value = scope.attempt(where, scope.place(name), read);
  scope.define(name, value && new Initializer(name, value), where, scope.place(name));
}

/** The bytes of a tensor in another file are not asked for here. */
class Initializer {
  readonly kind = "constant";
  readonly type: TensorValue["type"];
  readonly name: string;
  readonly loc = unknownLocation;
  private readonly tensor: TensorValue;

  constructor(name: string, tensor: TensorValue) {
    this.name = name;
    this.type = tensor.type;
    this.tensor = tensor;
  }

  get bytes(): Uint8Array {
    return this.tensor.bytes;
  }

  get elsewhere(): TensorValue["elsewhere"] {
    return this.tensor.elsewhere;
  }
}

/** Bytes that all sparse tensors of a model may take when they are written out: the file can be a few bytes long. */
const mostSpelledOut = 1 << 28;

/** The dense tensor. Indices are linear, or one row of coordinates for each value. @throws ImportFailure E0602 */
export function readSparse(sparse: SparseTensorProto, { spelledOut }: Pick<ModelContext, "spelledOut">): TensorValue {
  const { values, indices } = sparse;
  if (!values || !indices) throw new ImportFailure("E0602", "a sparse tensor lacks its values or its indices");
  const shape = sparse.dims.map(toNumber);
  const dense = { ...readTensor(values, "its values") };
  const { dtype } = dense.type;
  const count = countOf(shape);
  if (shape.some((size) => size < 0) || !Number.isSafeInteger(count))
    throw new ImportFailure("E0602", `it has an impossible shape [${shape.join(", ")}]`);
  if (dtypeInfo(dtype).bits < 8) throw new ImportFailure("E0609", `a sparse tensor of ${dtype} is not supported`);
  spelledOut.bytes += byteLengthOf(dtype, count);
  if (spelledOut.bytes > mostSpelledOut)
    throw new ImportFailure("E0602", `sparse tensors of more than ${mostSpelledOut} bytes are not supported`);
  const size = byteLengthOf(dtype, 1);
  const bytes = new Uint8Array(count * size);
  positions(readTensor(indices, "its indices"), shape, dense.bytes.length / size).forEach((at, i) => {
    bytes.set(dense.bytes.subarray(i * size, (i + 1) * size), at * size);
  });
  return { type: tensorType(dtype, shape), bytes };
}

/** Row-major positions of the values. */
function positions(tensor: TensorValue, shape: readonly number[], count: number): readonly number[] {
  const dims = staticShape(tensor.type.shape) ?? [];
  if (tensor.type.dtype !== "i64") throw new ImportFailure("E0602", `its indices are ${tensor.type.dtype}, they should be i64`);
  const linear = dims.length === 1;
  const columns = linear ? 1 : shape.length;
  if ((!linear && dims.length !== 2) || dims[0] !== count || (!linear && dims[1] !== columns))
    throw new ImportFailure("E0602", `${count} values, and indices of shape [${dims.join(", ")}]`);
  const index: HostTensor = decodeTensor("i64", dims, tensor.bytes);
  const sizes = linear ? [countOf(shape)] : shape;
  return Array.from({ length: count }, (_, row) => {
    let at = 0;
    sizes.forEach((size, axis) => {
      const k = Number(index.data[row * columns + axis]);
      if (!(k >= 0 && k < size)) throw new ImportFailure("E0602", `index ${k} of value ${row} is outside an axis of ${size}`);
      at = at * size + k;
    });
    return at;
  });
}
