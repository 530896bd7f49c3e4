/** @file Cross-entropy of a softmax against class labels. */
import { type Dim, dimProduct } from "../../core/dim.ts";
import { TersorError } from "../../core/problem.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { floatTypes } from "../dtype-sets.ts";
import { printShape } from "../math/broadcast.ts";
import { oneToOne } from "../shape/axis-maps.ts";

export const softmaxCrossEntropy = defineOp({
  name: "loss.softmax_cross_entropy",
  since: 1,
  doc: "`loss_n = ln(sum_c e ** logits[n, c]) - logits[n, labels[n]]`, one value per sample. A label below 0 or from the number of classes on is error E0503. ONNX `SoftmaxCrossEntropyLoss` with `reduction = none`.",
  operands: [
    { name: "logits", role: "data", axes: ["batch", "class"], dtypes: floatTypes, doc: "Scores before the softmax." },
    { name: "labels", role: "index", axes: ["batch"], dtypes: ["i32", "i64"], doc: "The right class of each sample." },
  ],
  results: [{ name: "loss", axes: ["batch"] }],
  attrs: {},
  infer(ctx) {
    const [logits, labels] = [ctx.type(0), ctx.type(1)];
    if (logits.shape.length !== 2) ctx.fail(`logits are [batch, class], rank 2; got ${printShape(logits.shape)}`, 0);
    if (labels.shape.length !== 1) ctx.fail(`labels are [batch], rank 1; got ${printShape(labels.shape)}`, 1);
    const [batch] = logits.shape as readonly [Dim, Dim];
    ctx.require(
      batch,
      labels.shape[0] as Dim,
      `logits ${printShape(logits.shape)} and labels ${printShape(labels.shape)} differ in the batch`,
      1,
    );
    return [tensorType(logits.dtype, [batch])];
  },
  reference: ({ input }) => [losses(input(0), input(1))],
  work: ({ types }) => ({ macs: 0, elementOps: dimProduct(types[0]?.shape ?? []) }),
  gradient({ builder, operands: [logits = null, labels = null], grads: [dy = null], wanted }) {
    if (!wanted[0]) return [null, null];
    const { dtype, shape } = builder.typeOf(logits);
    const right = builder.one("tensor.one_hot", [labels], { depth: shape[1], to: dtype });
    const excess = builder.one("math.sub", [builder.one("math.softmax", [logits], { axis: 1 }), right]);
    const column = builder.one("shape.reshape", [dy], { shape: [-1, 1] });
    return [builder.one("math.mul", [excess, column]), null];
  },
  decompose({ builder, operands: [logits = null, labels = null] }) {
    const { dtype, shape } = builder.typeOf(logits);
    const right = builder.one("tensor.one_hot", [labels], { depth: shape[1], to: "bool" });
    const logs = builder.one("math.log_softmax", [logits], { axis: 1 });
    // Chosen, not multiplied by 0 and 1: a class that is ruled out has the logarithm -inf.
    const chosen = builder.one("math.where", [right, logs, builder.scalar(0, dtype)]);
    return [builder.one("math.neg", [builder.one("reduce.sum", [chosen], { axes: [1] })])];
  },
  maps: () => [oneToOne(0, 0, 0), oneToOne(1, 0, 0)],
  select({ side, index, axis }) {
    return side === "operand" && index === 0 && axis === 1 ? { refuse: "the labels name classes by their index" } : { attrs: {} };
  },
});

function losses(logits: HostTensor, labels: HostTensor): HostTensor {
  const [batch = 0, classes = 0] = logits.shape;
  const x = asFloat64(logits.data);
  const y = new Float64Array(batch);
  for (let n = 0; n < batch; n++) {
    const label = Number(labels.data[n]);
    if (!(label >= 0 && label < classes)) {
      throw new TersorError({
        code: "E0503",
        message: `loss.softmax_cross_entropy: label ${label} of sample ${n}, there are ${classes} classes`,
        operand: 1,
      });
    }
    y[n] = logSumExp(x, n * classes, classes) - (x[n * classes + label] as number);
  }
  return roundedTensor(logits.dtype, [batch], y);
}

/** Shifted by the maximum so that nothing overflows. */
function logSumExp(x: Float64Array, at: number, count: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < count; k++) highest = Math.max(highest, x[at + k] as number);
  let sum = 0;
  for (let k = 0; k < count; k++) sum += Math.exp((x[at + k] as number) - highest);
  return highest + Math.log(sum);
}
