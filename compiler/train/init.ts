/** @file Starting weights: He's normal initialization (He et al., "Delving deep into rectifiers", 2015) for weights, zero for biases, by seed. */

import {
  type DataConstant,
  dataConstant,
  encodeTensor,
  isFloat,
  type Module,
  ModuleEditor,
  type OperandSpec,
  type OpRegistry,
  roundedTensor,
  staticShape,
} from "../../ir-spec/index.ts";
import { trainingError } from "../autodiff/errors.ts";
import { Random } from "../random/random.ts";
import { roleOf } from "./leaves.ts";

/** Random stream of initialization. */
const STREAM = 0x1417;

/**
 * New data for every float data constant that an op of the function takes directly as weight (normal, variance 2 / fan-in, the fan-in being all axes but
 * `out`) or bias (zero). A constant's numbers depend on the seed and its place among them alone.
 */
export function initialize(module: Module, registry: OpRegistry, seed: number, name = "main"): Module {
  const func = module.functions.get(name);
  if (!func) throw trainingError("E0906", `there is no function @${name}`);
  const editor = new ModuleEditor(module, registry);
  const seen = new Set<string>();
  for (const op of func.ops) {
    const def = registry.require(op.name);
    op.operands.forEach((operand, i) => {
      const constant = typeof operand === "string" ? module.constants.get(operand) : undefined;
      const role = roleOf(def, i);
      if (constant?.kind !== "data" || !isFloat(constant.type.dtype) || (role !== "weight" && role !== "bias") || seen.has(constant.name))
        return;
      const random = new Random(seed, STREAM, seen.size);
      seen.add(constant.name);
      editor.setConstant(role === "bias" ? filled(constant, () => 0) : heNormal(constant, def.operands[i], random));
    });
  }
  return editor.freeze();
}

function heNormal(constant: DataConstant, spec: OperandSpec | undefined, random: Random): DataConstant {
  const shape = staticShape(constant.type.shape) ?? [];
  const fanIn = shape.reduce((product, size, axis) => (spec?.axes?.[axis] === "out" ? product : product * size), 1);
  const deviation = Math.sqrt(2 / fanIn);
  return filled(constant, () => deviation * random.normal());
}

function filled(constant: DataConstant, draw: () => number): DataConstant {
  const shape = staticShape(constant.type.shape) ?? [];
  const values = Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, draw);
  const bytes = encodeTensor(roundedTensor(constant.type.dtype, shape, values));
  return { ...dataConstant(constant.name, constant.type, bytes, constant.loc), doc: constant.doc };
}
