/** @file Small inputs for whatever a damaged model asks for: symbols become 2, elements small numbers of both signs. */
import { allocateData, type HostTensor, type Module, mainFunction, substituteDim } from "../../ir-spec/index.ts";
import { bareSymbol, byteLength, elementCount, type OpenedFile, RuntimeError, sizeOf, Tensor } from "../../runtime/index.ts";

/** Larger inputs are not made: such a model loads, and is not run. */
const most = 1 << 20;

/** @returns null when they would be large, or no sizes make sense */
export function sessionInputs(file: OpenedFile): Record<string, Tensor> | null {
  const { view } = file;
  const ports = view.inputs.map((port) => ({ name: view.strings[port.name] ?? "", ...file.typeOf(port.type) }));
  const bindings = new Map(ports.flatMap(({ shape }) => shape.flatMap((dim) => bareSymbol(dim) ?? [])).map((symbol) => [symbol, 2]));
  try {
    const made = ports.map(({ name, dtype, shape }): [string, Tensor] => {
      const sizes = shape.map((dim) => sizeOf(dim, bindings));
      const bytes = byteLength(dtype, elementCount(sizes));
      if (bytes > most) throw new RuntimeError("R0308", "large");
      return [name, filled(Tensor.fromBytes(dtype, new Uint8Array(bytes), sizes))];
    });
    return Object.fromEntries(made);
  } catch (error) {
    if (error instanceof RuntimeError) return null;
    throw error;
  }
}

function filled(tensor: Tensor): Tensor {
  const { data } = tensor;
  for (let i = 0; i < data.length; i++) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(i % 3);
    else
      data[i] =
        tensor.dtype === "bool" ? i % 2 : data instanceof Float32Array || data instanceof Float64Array ? ((i * 7) % 11) / 4 - 1 : i % 3;
  }
  return tensor;
}

export function hostInputs(module: Module): Record<string, HostTensor> | null {
  const main = mainFunction(module);
  const inputs: Record<string, HostTensor> = {};
  for (const id of main.params) {
    const { name, type } = main.values[id] ?? {};
    if (!type) return null;
    const two = new Map([...new Set(type.shape.flatMap((dim) => (typeof dim === "object" ? [dim.key] : [])))].map((key) => [key, 2]));
    const shape = type.shape.map((dim) => (typeof dim === "number" ? dim : (two.get(dim.key) ?? substituteDim(dim, two))));
    const sizes = shape.filter((size) => typeof size === "number");
    const count = sizes.reduce((n, size) => n * size, 1);
    if (sizes.length < shape.length || !(count <= most / 8)) return null;
    inputs[name ?? String(id)] = { dtype: type.dtype, shape: sizes, data: allocateData(type.dtype, count) };
  }
  return inputs;
}
