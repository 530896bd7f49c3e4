/** @file Fully connected layer. */
import { dimMul, dimProduct } from "../../core/dim.ts";
import type { Operand } from "../../core/graph.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import { defineOp } from "../define.ts";
import { activate, activationAttr, activationGradient } from "./activation.ts";
import { demandDim, demandOneDtype, demandVector, dimAt, floats, withShape } from "./checks.ts";
import { addProducts } from "./dot-products.ts";

export const linear = defineOp({
  name: "nn.linear",
  since: 1,
  doc: "`y[..., o] = act(sum_i x[..., i] * weight[o, i] + bias[o])`. ONNX `Gemm` with `transB = 1`, or `MatMul` by a transposed constant and `Add`.",
  operands: [
    { name: "x", role: "data", axes: ["...", "in"], dtypes: floats },
    { name: "weight", role: "weight", axes: ["out", "in"], dtypes: floats },
    { name: "bias", role: "bias", axes: ["out"], optional: true, dtypes: floats },
  ],
  results: [{ name: "y", axes: ["...", "out"] }],
  attrs: { activation: activationAttr },
  infer(ctx) {
    const [x, weight] = [ctx.type(0), ctx.type(1)];
    demandOneDtype(ctx, ["x", "weight", "bias"]);
    if (x.shape.length === 0) ctx.fail("x is a scalar, needs at least the axis `in`", 0);
    if (weight.shape.length !== 2) ctx.fail(`weight is [out, in], rank 2; got rank ${weight.shape.length}`, 1);
    const last = dimAt(x, x.shape.length - 1);
    demandDim(ctx, last, dimAt(weight, 1), (has, wants) => `input has ${has} features, weight expects ${wants}`, 1);
    demandVector(ctx, 2, dimAt(weight, 0), "bias", "weight makes");
    return [withShape(x, [...x.shape.slice(0, -1), dimAt(weight, 0)])];
  },
  reference(ctx) {
    const [x, weight] = [ctx.input(0), ctx.input(1)];
    const [outs = 0, ins = 0] = weight.shape;
    const rows = x.shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const y = rowsOf(ctx.inputs[2] ? asFloat64(ctx.inputs[2].data) : null, rows, outs);
    addProducts(rows, outs, ins, asFloat64(x.data), asFloat64(weight.data), y, 0, outs);
    activate(y, ctx.attrs.activation);
    return [roundedTensor(x.dtype, [...x.shape.slice(0, -1), outs], y)];
  },
  work: ({ types, outputs }) => ({ macs: dimMul(dimProduct(outputs[0]?.shape ?? []), types[1]?.shape[1] ?? 0) }),
  gradient({ builder, operands, results, grads, attrs, wanted }) {
    const [x = null, weight = null, bias = null] = operands;
    const dy = activationGradient(builder, results[0] ?? null, grads[0] ?? null, attrs.activation);
    const [outs, ins] = builder.typeOf(weight).shape;
    const flat = (value: Operand, columns: unknown) => builder.one("shape.reshape", [value], { shape: [-1, columns] });
    const dyRows = wanted[1] || wanted[2] ? flat(dy, outs) : null;
    return [
      wanted[0] ? builder.one("nn.matmul", [dy, weight]) : null,
      wanted[1] ? builder.one("nn.matmul", [builder.one("shape.transpose", [dyRows], { perm: [1, 0] }), flat(x, ins)]) : null,
      wanted[2] && bias !== null ? builder.one("reduce.sum", [dyRows], { axes: [0] }) : null,
    ];
  },
  maps({ types, outputs }) {
    const last = (outputs[0]?.shape.length ?? 1) - 1;
    const leading = Array.from({ length: last }, (_, axis) => ({ operand: 0, operandAxes: [axis], result: 0, resultAxes: [axis] }));
    const out = (operand: number) => ({ operand, operandAxes: [0], result: 0, resultAxes: [last] });
    return [...leading, out(1), ...(types[2] ? [out(2)] : [])];
  },
  select: ({ attrs }) => ({ attrs }),
});

/** `rows` copies of the bias, or zeros. */
function rowsOf(bias: Float64Array | null, rows: number, columns: number): Float64Array {
  const y = new Float64Array(rows * columns);
  if (bias) for (let i = 0; i < rows; i++) y.set(bias, i * columns);
  return y;
}
