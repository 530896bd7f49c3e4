/** @file Binds the dim symbols of a function to its inputs' sizes, and checks the inputs against their types. */
import {
  type Attr,
  type AttrDict,
  attr,
  type Dim,
  dimKey,
  dimSymbols,
  evaluateDim,
  type Func,
  type HostTensor,
  isDimSymbolName,
  nearest,
  printDim,
  printType,
  substituteDim,
  type TensorType,
  TersorError,
  tensorType,
} from "../../ir-spec/index.ts";

export type Bindings = Map<string, Dim>;
type Tensors = Readonly<Record<string, HostTensor>>;

/** Sizes of all symbols of the parameters. @throws TersorError E0510 .. E0516. */
export function bindInputs(func: Func, inputs: Tensors): Bindings {
  const ports = func.params.map((id) => {
    const { name, type } = func.values[id] as Func["values"][number];
    return { name: name ?? String(id), type };
  });
  rejectUnknown(
    func,
    ports.map((port) => port.name),
    inputs,
  );
  const bindings: Bindings = new Map();
  for (const { name, type } of ports) {
    checkTensor(func, name, type, inputs[name]);
    bindSymbols(type, (inputs[name] as HostTensor).shape, bindings);
  }
  for (const { name, type } of ports) checkDims(func, name, type, (inputs[name] as HostTensor).shape, bindings);
  checkRequires(func, bindings);
  return bindings;
}

function rejectUnknown(func: Func, names: readonly string[], inputs: Tensors): void {
  for (const name of Object.keys(inputs)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    throw inputError(
      "E0511",
      func,
      `there is no input "${name}"; the inputs are ${names.join(", ") || "none"}`,
      near ? `did you mean "${near}"?` : undefined,
    );
  }
}

function checkTensor(func: Func, name: string, type: TensorType, tensor: HostTensor | undefined): void {
  const wanted = `its type is ${printType(type)}`;
  if (!tensor) throw inputError("E0510", func, `input "${name}" is missing; ${wanted}`);
  if (tensor.dtype !== type.dtype) throw inputError("E0512", func, `input "${name}" is ${tensor.dtype}; ${wanted}`);
  const shape = `[${tensor.shape.join(", ")}]`;
  if (tensor.shape.length !== type.shape.length)
    throw inputError("E0513", func, `input "${name}" has shape ${shape}, rank ${tensor.shape.length}; ${wanted}`);
  const count = tensor.shape.reduce((n, size) => n * size, 1);
  if (tensor.data.length !== count)
    throw inputError("E0513", func, `input "${name}" has shape ${shape} and ${tensor.data.length} elements, which should be ${count}`);
}

/** Dims that are a bare symbol bind it, where it is not bound yet. */
export function bindSymbols(type: TensorType, shape: readonly number[], bindings: Bindings): void {
  type.shape.forEach((dim, axis) => {
    if (typeof dim === "object" && isDimSymbolName(dim.key) && !bindings.has(dim.key)) bindings.set(dim.key, shape[axis] as number);
  });
}

function checkDims(func: Func, name: string, type: TensorType, shape: readonly number[], bindings: Bindings): void {
  type.shape.forEach((dim, axis) => {
    const unbound = [...dimSymbols(dim)].find((symbol) => !bindings.has(symbol));
    if (unbound)
      throw inputError("E0516", func, `input "${name}": axis ${axis} is ${printDim(dim)}, and no input has the size ${unbound} alone`);
    const wanted = evaluateDim(dim, bindings);
    if (wanted === shape[axis]) return;
    const size = typeof dim === "number" ? String(wanted) : `${printDim(dim)}, here ${wanted}`;
    throw inputError("E0514", func, `input "${name}": axis ${axis} has size ${shape[axis]}; its type ${printType(type)} takes ${size}`);
  });
}

function checkRequires(func: Func, bindings: Bindings): void {
  for (const { left, right } of func.requires) {
    const unbound = [left, right].some((side) => [...dimSymbols(side)].some((symbol) => !bindings.has(symbol)));
    // Symbols that an op introduces have no size yet; the ops that demanded equality check their operands when they run.
    if (unbound) continue;
    const [a, b] = [evaluateDim(left, bindings), evaluateDim(right, bindings)];
    if (a === b) continue;
    const sizes = [...bindings].map(([symbol, size]) => `${symbol} = ${dimKey(size)}`).join(", ");
    throw inputError("E0515", func, `the function requires ${dimKey(left)} == ${dimKey(right)}, which is ${a} == ${b} with ${sizes}`);
  }
}

function inputError(code: string, func: Func, message: string, hint?: string): TersorError {
  return new TersorError({ code, message, where: `@${func.name}`, ...(hint ? { hint } : {}) });
}

export function boundType(type: TensorType, bindings: Bindings): TensorType {
  return type.shape.every((dim) => typeof dim === "number")
    ? type
    : tensorType(
        type.dtype,
        type.shape.map((dim) => substituteDim(dim, bindings)),
      );
}

export function hasDims(dict: AttrDict): boolean {
  return [...dict.values()].some(mentionsDim);
}

function mentionsDim(value: Attr): boolean {
  if (value.kind === "list") return value.value.some(mentionsDim);
  return value.kind === "dict" ? hasDims(value.value) : value.kind === "dim";
}

/** The attributes with the sizes of symbols filled in. */
export function boundAttrs(dict: AttrDict, bindings: Bindings): AttrDict {
  return new Map([...dict].map(([key, value]) => [key, boundAttr(value, bindings)]));
}

function boundAttr(value: Attr, bindings: Bindings): Attr {
  if (value.kind === "dim" && !value.introduces) return attr.dim(substituteDim(value.value, bindings));
  if (value.kind === "list") return attr.list(value.value.map((item) => boundAttr(item, bindings)));
  return value.kind === "dict" ? { kind: "dict", value: boundAttrs(value.value, bindings) } : value;
}
