/** @file Comparison of floats, their remainders, and choice, with broadcasting. Booleans are bytes. */
import { demand, operand, result } from "../../../step/step.ts";
import type { WasmKernel } from "../kernel.ts";
import { runsOf } from "./runs.ts";
import { elementBytes } from "./strided-copy.ts";

/** One line of JavaScript per element; truth values are stored as 0 and 1. */
function scripted(id: string, to: "bool" | "f32", f: (a: number, b: number) => number | boolean): WasmKernel {
  return {
    id,
    bind(call) {
      const [a, b, y] = [operand(call, 0, "f32"), operand(call, 1, "f32"), result(call, to)];
      const { length, steps, each } = runsOf(call, [a, b], y);
      const [aStep = 0, bStep = 0] = steps;
      const { memory } = call;
      return () => {
        const { f32, u8 } = memory;
        const into = to === "f32" ? f32 : u8;
        each((at, ptr) => {
          const [i, j, k] = [(at[0] as number) / 4, (at[1] as number) / 4, to === "f32" ? ptr / 4 : ptr];
          for (let e = 0; e < length; e++) into[k + e] = Number(f(f32[i + e * aStep] as number, f32[j + e * bStep] as number));
        });
      };
    },
  };
}

/** y <- condition ? a : b, elements of whole bytes. */
const where: WasmKernel = {
  id: "where",
  bind(call) {
    const [condition, a, y] = [operand(call, 0, "bool"), operand(call, 1), result(call)];
    const b = operand(call, 2, a.dtype);
    demand(call, y.dtype === a.dtype, "operands and result differ in dtype");
    const { length, steps, each } = runsOf(call, [condition, a, b], y);
    const [cStep = 0, aStep = 0, bStep = 0] = steps;
    const shift = Math.log2(elementBytes(call, y));
    const { kernels } = call;
    return () =>
      each((at, to) => {
        kernels.where_run(shift, at[0] as number, cStep, at[1] as number, aStep, at[2] as number, bStep, to, length);
      });
  },
};

export const logicKernels: readonly WasmKernel[] = [
  scripted("equal", "bool", (a, b) => a === b),
  scripted("less", "bool", (a, b) => a < b),
  scripted("greater", "bool", (a, b) => a > b),
  scripted("f32_fmod", "f32", (a, b) => a % b),
  scripted("f32_mod", "f32", (a, b) => {
    const rest = a % b;
    return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
  }),
  where,
];
