/** @file Where max pooling found its maxima, over any number of spatial axes. */
import { span } from "../../../limits.ts";
import { demand, intsAttr, operand, result } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { StepShapes, WasmKernel } from "../kernel.ts";

/** One spatial axis: of each window of the axis its positions in x, those inside only. */
type Reach = readonly (readonly number[])[];

function reaches(step: StepShapes): readonly Reach[] {
  const [x, y] = [operand(step, 0, "f32", "i8", "u8").shape, result(step, "i64").shape];
  const rank = x.length - 2;
  demand(
    step,
    rank >= 1 && x.length === y.length && x[0] === y[0] && x[1] === y[1],
    `[${x.join(", ")}] is not pooled to [${y.join(", ")}]`,
  );
  const [kernel, stride, dilation] = ["kernel", "stride", "dilation"].map((name) => intsAttr(step, name, rank, 1)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  const pad = intsAttr(step, "pad", 2 * rank, 0);
  return kernel.map((size, i) =>
    Array.from({ length: y[i + 2] as number }, (_, p) => {
      const start = p * (stride[i] as number) - (pad[i] as number);
      const all = Array.from({ length: size }, (_, k) => start + k * (dilation[i] as number));
      return all.filter((at) => at >= 0 && at < (x[i + 2] as number));
    }),
  );
}

const maxPoolIndex: WasmKernel = {
  id: "max_pool_index",
  work: (step) =>
    span(result(step).shape) * intsAttr(step, "kernel", operand(step, 0).shape.length - 2, 1).reduce((n, size) => n * size, 1),
  bind(call) {
    const axes = reaches(call);
    const [x, y] = [operand(call, 0), result(call)];
    const sizes = x.shape.slice(2);
    const planes = elementCount(x.shape.slice(0, 2));
    const { memory } = call;
    return () => {
      const data = x.dtype === "f32" ? memory.f32.subarray(x.ptr >>> 2) : (x.dtype === "i8" ? memory.i8 : memory.u8).subarray(x.ptr);
      const to = memory.i32;
      let out = y.ptr >>> 2;
      let [best, at] = [0, -1];
      const search = (axis: number, base: number, where: readonly (readonly number[])[]): void => {
        for (const position of where[axis] as readonly number[]) {
          const place = base + position;
          if (axis + 1 < where.length) search(axis + 1, place * (sizes[axis + 1] as number), where);
          else {
            const value = data[place] as number;
            if (at < 0 || value > best || (Number.isNaN(value) && !Number.isNaN(best))) [best, at] = [value, place];
          }
        }
      };
      const windows = (axis: number, base: number, chosen: (readonly number[])[]): void => {
        if (axis < axes.length) {
          for (const reach of axes[axis] as Reach) {
            chosen[axis] = reach;
            windows(axis + 1, base, chosen);
          }
          return;
        }
        at = -1;
        search(0, base, chosen);
        to[out++] = at;
        to[out++] = at < 0 ? -1 : 0;
      };
      for (let p = 0; p < planes; p++) windows(0, p * (sizes[0] as number), []);
    };
  },
};

export const maxPoolIndexKernels: readonly WasmKernel[] = [maxPoolIndex];
