/** @file Writes trained leaves back into their constants, and turns fake-quantized values into codes again: the inverse of `relax`. */
import {
  dataConstant,
  encodeTensor,
  type HostTensor,
  type Module,
  ModuleEditor,
  type OpRegistry,
  printType,
  shapeEquals,
} from "../../ir-spec/index.ts";
import { trainingError } from "./errors.ts";
import { unrelax } from "./relax.ts";

/**
 * The module with the leaves' values as data, and every `quant.fake` folded to codes.
 * @throws TersorError E0903 when a leaf is no data constant of the module or its value has another type.
 */
export function freeze(module: Module, registry: OpRegistry, leaves: ReadonlyMap<string, HostTensor>): Module {
  return unrelax(writeLeaves(module, registry, leaves), registry);
}

/** `freeze` without the folding: for a look in the middle of training. */
export function writeLeaves(module: Module, registry: OpRegistry, leaves: ReadonlyMap<string, HostTensor>): Module {
  const editor = new ModuleEditor(module, registry);
  for (const [name, value] of leaves) {
    const constant = module.constants.get(name);
    if (constant?.kind !== "data") throw trainingError("E0903", `there is no data constant @${name}`);
    if (constant.type.dtype !== value.dtype || !shapeEquals(constant.type.shape, value.shape)) {
      throw trainingError("E0903", `@${name} is ${printType(constant.type)}, its new value ${printType(value)}`);
    }
    editor.setConstant({ ...dataConstant(name, constant.type, encodeTensor(value), constant.loc), doc: constant.doc });
  }
  return editor.freeze();
}
