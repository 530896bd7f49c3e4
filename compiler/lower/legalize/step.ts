/**
 * @file What a rule wants to put in place of a cluster: a list of ops over operands of the function, results of earlier steps and constants that are yet to be made. Nothing is
 * made until the target has said that it can run every step.
 */
import {
  type AttrInput,
  type Constant,
  dataConstant,
  type EditableOp,
  encodeTensor,
  type FunctionEditor,
  type HostTensor,
  inferOp,
  knownIntegers,
  type Location,
  type ModuleEditor,
  type OpDef,
  type Operand,
  type OpRegistry,
  storageHash,
  type TensorType,
  tensorType,
  type ValueId,
  writeAttrs,
} from "../../../ir-spec/index.ts";
import { deriveConstant } from "../../rewrite/derive.ts";

/** A constant by name, by value, or by definition. */
export type Recipe =
  | string
  | { readonly kind: "data"; readonly name: string; readonly value: HostTensor }
  | {
      readonly kind: "derived";
      readonly name: string;
      readonly op: string;
      readonly operands: readonly (Recipe | null)[];
      readonly attrs: AttrInput;
    };

export type StepOperand = ValueId | Recipe | null | { readonly kind: "step"; readonly index: number };

export interface Step {
  readonly op: string;
  readonly operands: readonly StepOperand[];
  readonly attrs: AttrInput;
}

/** One step, as a target is asked about it. */
export interface StepRequest {
  readonly def: OpDef;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly operands: readonly {
    readonly operand: Operand;
    readonly type: TensorType | null;
    readonly constant: boolean;
    readonly forms: readonly string[];
  }[];
  readonly results: readonly TensorType[];
}

const isStep = (operand: StepOperand): operand is { readonly kind: "step"; readonly index: number } =>
  typeof operand === "object" && operand !== null && operand.kind === "step";

/** The steps with their types. @throws TersorError where an op does not take its operands: a mistake of a rule. */
export function describeSteps(steps: readonly Step[], body: FunctionEditor, registry: OpRegistry): readonly StepRequest[] {
  const requests: StepRequest[] = [];
  for (const { op, operands, attrs } of steps) {
    const def = registry.require(op);
    const stored = writeAttrs(def.attrs, attrs);
    const typeOf = (operand: StepOperand): TensorType | null => {
      if (operand === null) return null;
      if (isStep(operand)) return requests[operand.index]?.results[0] ?? null;
      return typeof operand === "number" ? body.info(operand).type : recipeType(operand, body.module);
    };
    const types = operands.map(typeOf);
    const known = (i: number) => {
      const operand = operands[i];
      const constant = typeof operand === "string" ? body.module.constant(operand) : null;
      return constant ? knownIntegers(constant) : null;
    };
    const results = inferOp(registry, def, { types, attrs: stored, known }).types;
    requests.push({
      def,
      attrs: registry.attrs(def, stored),
      operands: operands.map((operand, i) => {
        const constant = operand !== null && typeof operand !== "number" && !isStep(operand);
        return { operand: constant ? "" : i, type: types[i] ?? null, constant, forms: ["dense"] };
      }),
      results,
    });
  }
  return requests;
}

function recipeType(recipe: Recipe, module: ModuleEditor): TensorType {
  if (typeof recipe === "string") return constantNamed(module, recipe).type;
  if (recipe.kind === "data") return tensorType(recipe.value.dtype, recipe.value.shape);
  const types = recipe.operands.map((operand) => (operand === null ? null : recipeType(operand, module)));
  const def = module.registry.require(recipe.op);
  const [type] = inferOp(module.registry, def, { types, attrs: writeAttrs(def.attrs, recipe.attrs) }).types;
  if (!type) throw new RangeError(`${recipe.op} has no result`);
  return type;
}

function constantNamed(module: ModuleEditor, name: string): Constant {
  const constant = module.constant(name);
  if (!constant) throw new RangeError(`no constant @${name}`);
  return constant;
}

/** Makes constants and ops. Equal constants are made once: a weight of two layers, factors that are alike. */
export class StepWriter {
  private readonly module: ModuleEditor;
  private readonly made = new Map<string, string>();

  constructor(module: ModuleEditor) {
    this.module = module;
  }

  /** The last step's result. New ops go before `before`. */
  write(steps: readonly Step[], body: FunctionEditor, before: EditableOp, loc: Location): ValueId {
    const results: ValueId[] = [];
    for (const { op, operands, attrs } of steps) {
      const resolved = operands.map((operand): Operand => {
        if (operand === null || typeof operand === "number") return operand;
        return isStep(operand) ? (results[operand.index] as ValueId) : this.constant(operand, loc);
      });
      results.push(body.insert(op, resolved, attrs, { before, loc })[0] as ValueId);
    }
    return results[results.length - 1] as ValueId;
  }

  private constant(recipe: Recipe, loc: Location): string {
    if (typeof recipe === "string") return recipe;
    if (recipe.kind === "data") {
      const bytes = encodeTensor(recipe.value);
      const { dtype, shape } = recipe.value;
      const key = `${dtype}[${shape.join()}] ${storageHash({ kind: "bytes", bytes })}`;
      return this.once(key, () => {
        const name = this.module.freshSymbol(recipe.name);
        this.module.setConstant(dataConstant(name, tensorType(dtype, shape), bytes, loc));
        return name;
      });
    }
    const operands = recipe.operands.map((operand) => (operand === null ? null : this.constant(operand, loc)));
    const key = JSON.stringify([recipe.op, operands, recipe.attrs], (_, value) => (typeof value === "bigint" ? `${value}n` : value));
    return this.once(key, () => deriveConstant(this.module, recipe.name, recipe.op, operands, recipe.attrs, loc));
  }

  private once(key: string, make: () => string): string {
    const name = this.made.get(key) ?? make();
    this.made.set(key, name);
    return name;
  }
}
