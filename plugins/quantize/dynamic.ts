/**
 * @file Dynamic quantization of activations: what a layer with integer weights reads is rounded to 8 bits with a step for each sample, worked out when it runs: `s = max|x| / 127`. No data.
 * Written as `math.abs`, `reduce.max` and a `quant.quantize` / `quant.dequantize` pair; there are no integer kernels for steps that are not constant, so layers compute in floats. Scheme: Yao et
 * al., "ZeroQuant", 2022 (token-wise there, a sample here).
 */
import { layersOf, type PassContext } from "../../compiler/index.ts";
import { type EditableOp, type Module, ModuleEditor, mainFunction, type ValueId, valueInfo } from "../../ir-spec/index.ts";

/** @param before the module whose weights were float @param after with integer weights */
export function quantizeInputs(before: Module, after: Module, ctx: PassContext): Module {
  const func = mainFunction(after);
  if (func.ops.some((op) => op.name === "quant.quantize")) {
    ctx.warn("activations are quantized already: left alone");
    return after;
  }
  const editor = new ModuleEditor(after, ctx.registry);
  const body = editor.function();
  const nodes = [...body.ops()];
  const rounded = new Map<ValueId, ValueId>();
  for (const { op, index, input, weight } of layersOf(after)) {
    const value = op.operands[input];
    const node = nodes[index];
    if (typeof value !== "number" || !node || after.constants.get(weight) === before.constants.get(weight)) continue;
    const { name, type } = valueInfo(func, value);
    if (type.dtype !== "f32" || type.shape.length < 2) {
      ctx.warn(`%${name ?? value}: is ${type.dtype} of rank ${type.shape.length}, not f32 of rank 2 or more: stays float`);
      continue;
    }
    const made = rounded.get(value) ?? insertPair(editor, value, type.shape.length, node);
    rounded.set(value, made);
    body.setOperand(node, input, made);
    ctx.report({ subject: `%${name ?? value}`, note: "i8 activation, a step for each sample" });
  }
  return editor.freeze();
}

/** Below this the quotient by the step would overflow; a sample of zeros gets it. */
const leastStep = 2 ** -100;

function insertPair(editor: ModuleEditor, value: ValueId, rank: number, before: EditableOp): ValueId {
  const body = editor.function();
  body.insertBefore(before);
  const axes = Array.from({ length: rank - 1 }, (_, i) => i + 1);
  const most = body.one("reduce.max", [body.one("math.abs", [value])], { axes, keepdims: false });
  const step = body.one("math.max", [
    body.one("math.mul", [most, body.scalar(Math.fround(1 / 127), "f32")]),
    body.scalar(leastStep, "f32"),
  ]);
  const codes = body.one("quant.quantize", [value, step, null], { axis: 0 });
  return body.one("quant.dequantize", [codes, step, null], { axis: 0 });
}
