/**
 * @file A session's public inputs and outputs: what they are, and whether given tensors fit. Binds the dims' symbols from the shapes and checks what the model requires
 * of them; every refusal names the input, what was expected and what was given.
 */
import type { PlanDim } from "./backend.ts";
import { maxTensorBytes } from "./check-references.ts";
import { DeviceTensor } from "./device-tensor.ts";
import { RuntimeError } from "./errors.ts";
import { bareSymbol, dimText, isBound, planDim, planType, sizeOf } from "./plan-dim.ts";
import type { PortView, ProgramView } from "./program-view.ts";
import { bitsPerElement, type RuntimeDType, Tensor } from "./tensor.ts";

/** An input or output as callers see it: sizes are numbers, symbols or expressions (`"N"`, `"N * 2"`). */
export interface PortInfo {
  readonly dtype: RuntimeDType;
  readonly shape: readonly (number | string)[];
  /** What the imported model called it, where that differs. */
  readonly originalName?: string;
}

interface Port {
  readonly name: string;
  readonly dtype: RuntimeDType;
  readonly shape: readonly PlanDim[];
}

export class ModelInterface {
  readonly inputs: Readonly<Record<string, PortInfo>>;
  readonly outputs: Readonly<Record<string, PortInfo>>;
  private readonly inputPorts: readonly Port[];
  private readonly outputPorts: readonly Port[];
  private readonly standAlone: ReadonlySet<string>;
  private readonly requires: readonly { readonly left: PlanDim; readonly right: PlanDim }[];

  constructor(view: ProgramView) {
    const port = (p: PortView): Port => ({ name: view.strings[p.name] ?? "", ...planType(view, p.type) });
    const infos = (ports: readonly PortView[]) => Object.fromEntries(ports.map((p) => [view.strings[p.name] ?? "", portInfo(view, p)]));
    this.inputPorts = view.inputs.map(port);
    this.outputPorts = view.outputs.map(port);
    this.inputs = infos(view.inputs);
    this.outputs = infos(view.outputs);
    this.standAlone = new Set(view.types.flatMap(({ dims }) => Array.from(dims, (dim) => bareSymbol(planDim(view, dim)) ?? "")));
    this.requires = view.requires.map(({ left, right }) => ({ left: planDim(view, left), right: planDim(view, right) }));
  }

  /**
   * The inputs in order and what their shapes bind.
   * @throws RuntimeError R0302 missing, R0303 unknown, R0304 dtype, R0305 shape, R0306 conflict of symbols, R0307 `require`, R0308 size out of range
   */
  bind<T extends Tensor | DeviceTensor>(
    given: Readonly<Record<string, T>>,
  ): { readonly tensors: readonly T[]; readonly bindings: ReadonlyMap<string, number> } {
    this.refuseUnknown(given);
    const bindings = new Map<string, number>();
    const boundBy = new Map<string, string>();
    const tensors = this.inputPorts.map((port) => {
      const tensor = Object.hasOwn(given, port.name) ? given[port.name] : undefined;
      if (tensor === undefined) throw new RuntimeError("R0302", `it is missing; expected ${portText(port)}`, inputName(port.name));
      checkKind(port, tensor);
      bindSymbols(port, tensor, bindings, boundBy);
      return tensor;
    });
    this.inputPorts.forEach((port, i) => {
      checkShape(port, tensors[i] as T, bindings);
    });
    this.checkRequires(bindings);
    return { tensors, bindings };
  }

  /** The backend's outputs by name. */
  name<T extends Tensor | DeviceTensor>(outputs: readonly T[]): Record<string, T> {
    return Object.fromEntries(this.outputPorts.map((port, i) => [port.name, outputs[i] as T]));
  }

  private refuseUnknown(given: Readonly<Record<string, Tensor | DeviceTensor>>): void {
    const names = this.inputPorts.map((port) => port.name);
    for (const name of Object.keys(given)) {
      if (!names.includes(name))
        throw new RuntimeError("R0303", `the model has no such input; it has ${names.join(", ") || "none"}`, inputName(name));
    }
  }

  /** Sizes that a step finds out stand alone in some type of the file; the kernels that use them check their operands. */
  private isFound(dim: PlanDim, bindings: ReadonlyMap<string, number>): boolean {
    return !isBound(dim, bindings) && isBound(dim, { has: (name) => bindings.has(name) || this.standAlone.has(name) });
  }

  private checkRequires(bindings: ReadonlyMap<string, number>): void {
    for (const { left, right } of this.requires) {
      if (this.isFound(left, bindings) || this.isFound(right, bindings)) continue;
      const [l, r] = [sizeOf(left, bindings), sizeOf(right, bindings)];
      if (l !== r) throw new RuntimeError("R0307", `the model requires ${dimText(left)} == ${dimText(right)}; here ${l} != ${r}`, "inputs");
    }
  }
}

/** Values with sizes that a step finds out are left out. @throws RuntimeError R0308 when another would be negative in size or too large under these bindings. */
export function checkValueSizes(
  values: readonly { readonly dtype: RuntimeDType; readonly shape: readonly PlanDim[] }[],
  bindings: ReadonlyMap<string, number>,
): void {
  for (const { dtype, shape } of values) {
    if (!shape.every((dim) => isBound(dim, bindings))) continue;
    const count = shape.reduce<number>((n, dim) => n * sizeOf(dim, bindings), 1);
    const bytes = (count * bitsPerElement(dtype)) / 8;
    if (bytes > maxTensorBytes) {
      throw new RuntimeError(
        "R0308",
        `these input shapes make a value of ${Math.ceil(bytes)} bytes, the limit is ${maxTensorBytes}`,
        "inputs",
      );
    }
  }
}

function portInfo(view: ProgramView, port: PortView): PortInfo {
  const { dtype, shape } = planType(view, port.type);
  const info = { dtype, shape: shape.map((dim) => (typeof dim === "number" ? dim : dimText(dim))) };
  return port.original === 0 ? info : { ...info, originalName: view.strings[port.original - 1] ?? "" };
}

const inputName = (name: string): string => `input ${JSON.stringify(name)}`;

const shapeText = (shape: readonly PlanDim[]): string => `[${shape.map(dimText).join(", ")}]`;

const portText = (port: Port): string => `${port.dtype} ${shapeText(port.shape)}`;

function checkKind(port: Port, tensor: Tensor | DeviceTensor): void {
  const where = inputName(port.name);
  if (!(tensor instanceof Tensor || tensor instanceof DeviceTensor))
    throw new RuntimeError("R0304", `expected a Tensor of ${portText(port)}, got ${typeof tensor}`, where);
  if (tensor.dtype !== port.dtype)
    throw new RuntimeError("R0304", `expected ${portText(port)}, got ${tensor.dtype} ${shapeText(tensor.shape)}`, where);
  if (tensor.shape.length !== port.shape.length || !tensor.shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw shapeError(port, tensor);
  }
}

function shapeError(port: Port, tensor: Tensor | DeviceTensor, detail = ""): RuntimeError {
  return new RuntimeError(
    "R0305",
    `expected shape ${shapeText(port.shape)}, got ${shapeText(tensor.shape)}${detail}`,
    inputName(port.name),
  );
}

function bindSymbols(port: Port, tensor: Tensor | DeviceTensor, bindings: Map<string, number>, boundBy: Map<string, string>): void {
  port.shape.forEach((dim, axis) => {
    const symbol = bareSymbol(dim);
    const size = tensor.shape[axis] as number;
    if (symbol === null) return;
    const bound = bindings.get(symbol);
    if (bound !== undefined && bound !== size) {
      const earlier = boundBy.get(symbol) ?? "";
      throw new RuntimeError("R0306", `axis ${axis} binds ${symbol} to ${size}, but ${earlier} bound it to ${bound}`, inputName(port.name));
    }
    if (bound === undefined) boundBy.set(symbol, `axis ${axis} of ${inputName(port.name)}`);
    bindings.set(symbol, size);
  });
}

function checkShape(port: Port, tensor: Tensor | DeviceTensor, bindings: ReadonlyMap<string, number>): void {
  port.shape.forEach((dim, axis) => {
    const expected = sizeOf(dim, bindings);
    const detail = typeof dim === "number" ? "" : `: ${dimText(dim)} is ${expected} here`;
    if (expected !== tensor.shape[axis]) throw shapeError(port, tensor, detail);
  });
}
