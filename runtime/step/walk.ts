/** @file Transpose, broadcast and slice as one thing: a walk over the operand with a start and a stride per axis of the result. */
import { broadcastStrides, rowMajor } from "./shapes.ts";
import { axisFrom, demand, listAttr, operand, refusal, result, type StepShapes } from "./step.ts";

/** Where each element of the result comes from: element `start` of x plus its coordinates times `strides`. */
export interface Walk {
  readonly start: number;
  readonly strides: readonly number[];
}

export function transposeWalk(call: StepShapes): Walk {
  const [x, y] = [operand(call, 0), result(call)];
  const perm = listAttr(call, "perm").map((axis) => axisFrom(call, axis, x.shape.length));
  const own = rowMajor(x.shape);
  const sound = perm.length === y.shape.length && perm.every((axis, i) => x.shape[axis] === y.shape[i]);
  demand(call, sound, `[${x.shape.join(", ")}] is not [${y.shape.join(", ")}] transposed`);
  return { start: 0, strides: perm.map((axis) => own[axis] as number) };
}

export function broadcastWalk(call: StepShapes): Walk {
  const strides = broadcastStrides(operand(call, 0).shape, result(call).shape);
  if (!strides) throw refusal(call, "the operand does not broadcast to the result");
  return { start: 0, strides };
}

/** First element of an axis that is read: negative starts count from the end, all are clamped. */
function sliceStart(start: number, size: number, step: number): number {
  const from = start < 0 ? start + size : start;
  return step > 0 ? Math.min(Math.max(from, 0), size) : Math.min(Math.max(from, 0), size - 1);
}

export function sliceWalk(call: StepShapes): Walk {
  const [x, y] = [operand(call, 0), result(call)];
  demand(call, x.shape.length === y.shape.length, "a slice keeps the rank");
  const [starts, steps] = [listAttr(call, "starts"), listAttr(call, "steps")];
  const axes = listAttr(call, "axes").map((axis) => axisFrom(call, axis, x.shape.length));
  const strides = [...rowMajor(x.shape)];
  let first = 0;
  starts.forEach((start, i) => {
    const [axis, step] = [axes.length > 0 ? (axes[i] as number) : i, steps[i] ?? 1];
    const [size, count] = [x.shape[axis] as number, y.shape[axis] as number];
    const from = sliceStart(start, size, step);
    const last = from + (count - 1) * step;
    demand(call, count === 0 || (last >= 0 && last < size), `axis ${axis} reads beyond its ${size} elements`);
    first += from * (strides[axis] as number);
    strides[axis] = (strides[axis] as number) * step;
  });
  return { start: first, strides };
}
