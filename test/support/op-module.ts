/** @file Modules of one op, their lowering to a chosen manifest row, and the way to run them: emission, loading and a backend, as a user would. */
import { emitFile } from "../../compiler/emit/emit.ts";
import { type Lowered, lower } from "../../compiler/lower/lower.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import type { TargetSpec } from "../../compiler/target/target.ts";
import {
  type AttrInput,
  createCoreRegistry,
  type Dim,
  dataConstant,
  decodeTensor,
  derivedConstant,
  dimSymbol,
  emptyFunction,
  emptyModule,
  encodeTensor,
  evaluateOp,
  type HostTensor,
  type Module,
  ModuleEditor,
  type Operand,
  tensorType,
  writeAttrs,
} from "../../ir-spec/index.ts";
import { type Backend, load, type Session, Tensor } from "../../runtime/index.ts";
import type { KernelRow, Manifest } from "../../runtime/manifest.ts";

export const registry = createCoreRegistry();

/** `"N"` is the symbol of the batch. */
export type CaseDim = number | "N";

export interface OperandCase {
  readonly tensor: HostTensor;
  /** Its shape with the symbol in it; a constant is always static. */
  readonly shape: readonly CaseDim[];
  readonly constant?: boolean;
}

export interface OpRun {
  readonly op: string;
  readonly attrs: AttrInput;
  readonly operands: readonly (OperandCase | null)[];
}

const nameOf = (i: number): string => `in${i}`;
const dimsOf = (shape: readonly CaseDim[]): readonly Dim[] => shape.map((size) => (size === "N" ? dimSymbol("N") : size));

/** main(values) = op(values and constants). */
export function opModule({ op, attrs, operands }: OpRun): Module {
  const values = operands.flatMap((operand, i) =>
    operand && !operand.constant ? [{ name: nameOf(i), type: tensorType(operand.tensor.dtype, dimsOf(operand.shape)) }] : [],
  );
  const base = { ...emptyModule("one"), functions: new Map([["main", emptyFunction("main", values)]]) };
  const editor = new ModuleEditor(base, registry);
  const main = editor.function();
  const named = new Map(values.map(({ name }, id) => [name, id]));
  const resolved = operands.map((operand, i): Operand => {
    if (!operand?.constant) return named.get(nameOf(i)) ?? null;
    editor.setConstant(constantOf(nameOf(i), operand.tensor));
    return nameOf(i);
  });
  const results = main.emit(op, resolved, attrs);
  main.setResults(results.map((operand, i) => ({ name: `out${i}`, operand })));
  return editor.freeze();
}

function constantOf(name: string, tensor: HostTensor) {
  return dataConstant(name, tensorType(tensor.dtype, tensor.shape), encodeTensor(tensor));
}

/** main() = a constant that the op derives from constants: the op runs in `init`. */
export function derivedModule({ op, attrs, operands }: OpRun): Module {
  const editor = new ModuleEditor({ ...emptyModule("derived"), functions: new Map([["main", emptyFunction("main", [])]]) }, registry);
  const names = operands.map((operand, i) => {
    if (operand) editor.setConstant(constantOf(nameOf(i), operand.tensor));
    return operand ? nameOf(i) : null;
  });
  const [result] = expected({ op, attrs, operands });
  if (!result) throw new Error(`${op} has no result`);
  const stored = writeAttrs(registry.require(op).attrs, attrs);
  editor.setConstant(derivedConstant("made", tensorType(result.dtype, result.shape), op, names, stored));
  editor.function().setResults([{ name: "out0", operand: "made" }]);
  return editor.freeze();
}

/** By the op's own reference function. */
export function expected({ op, attrs, operands }: OpRun): readonly HostTensor[] {
  const stored = writeAttrs(registry.require(op).attrs, attrs);
  return evaluateOp(
    registry,
    op,
    operands.map((operand) => operand?.tensor ?? null),
    stored,
  );
}

/** The target with no rows but these: what is run is what is tested, whatever else would be cheaper. */
export function targetOf(name: string, rows: readonly KernelRow[]): TargetSpec {
  const target = builtinTargets.find((candidate) => candidate.name === name);
  if (!target?.manifest) throw new Error(`no target ${name} with kernels`);
  const manifest: Manifest = { ...target.manifest, kernels: rows };
  return { ...target, manifest };
}

export function lowerTo(module: Module, target: TargetSpec): Lowered {
  return lower(module, target, registry);
}

export function loadPlan(lowered: Pick<Lowered, "target" | "module">, backend: Backend): Promise<Session> {
  const file = emitFile({
    plans: [{ target: lowered.target, module: lowered.module }],
    build: { tersor: "0.1.0", pipeline: "" },
    metadata: "plain",
  });
  return load(file, { backends: [backend] });
}

export function inputsOf(operands: readonly (OperandCase | null)[]): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(
    operands.flatMap((operand, i) => (operand && !operand.constant ? [[nameOf(i), toTensor(operand.tensor)]] : [])),
  );
}

export function toTensor(tensor: HostTensor): Tensor {
  return Tensor.fromBytes(tensor.dtype, encodeTensor(tensor), tensor.shape);
}

export function toHost(tensor: Tensor): HostTensor {
  return decodeTensor(tensor.dtype, tensor.shape, tensor.bytes());
}
