/** @file Integers of any width and truth values: what `assembly/integer.ts` computes with codes of operation and dtype. */
import { aroundAxis } from "../../../step/shapes.ts";
import { axisAttr, boolAttr, demand, operand, result, sameCount } from "../../../step/step.ts";
import { elementCount, type RuntimeDType } from "../../../tensor.ts";
import type { StepShapes, WasmKernel } from "../kernel.ts";
import { reducing } from "./reduce.ts";
import { runsOf } from "./runs.ts";

/** Operation codes of the exports, in order. */
const binaryNames = [
  "add",
  "sub",
  "mul",
  "div",
  "min",
  "max",
  "pow",
  "mod",
  "fmod",
  "and",
  "or",
  "xor",
  "equal",
  "less",
  "greater",
] as const;
const unaryNames = ["neg", "abs", "sign", "not"] as const;
/** Kinds of the exports, in order. */
const kinds: readonly RuntimeDType[] = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool", "f32"];

/** The code of a dtype, one up to `last`. */
export function kindOf(step: StepShapes, dtype: RuntimeDType, last: RuntimeDType = "bool"): number {
  const kind = kinds.indexOf(dtype);
  demand(step, kind >= 0 && kind <= kinds.indexOf(last), `it takes no ${dtype}`);
  return kind;
}

const binaryKernels: readonly WasmKernel[] = binaryNames.map((name, op) => ({
  id: `int_${name}`,
  bind(call) {
    const [a, y] = [operand(call, 0), result(call)];
    const [b, kind] = [operand(call, 1, a.dtype), kindOf(call, a.dtype)];
    demand(call, y.dtype === (op < binaryNames.indexOf("equal") ? a.dtype : "bool"), `the result is ${y.dtype}`);
    const { length, steps, each } = runsOf(call, [a, b], y);
    const [aStep = 0, bStep = 0] = steps;
    const { kernels } = call;
    return () =>
      each((at, to) => {
        kernels.int_binary(op, kind, at[0] as number, aStep, at[1] as number, bStep, to, length);
      });
  },
}));

const unaryKernels: readonly WasmKernel[] = unaryNames.map((name, op) => ({
  id: `int_${name}`,
  bind(call) {
    const x = operand(call, 0);
    const y = result(call, x.dtype);
    const [n, kind] = [sameCount(call, x, y), kindOf(call, x.dtype)];
    const { kernels } = call;
    return () => kernels.int_unary(op, kind, x.ptr, y.ptr, n);
  },
}));

/** Codes of the operations that reduce. */
const reductions = { sum: 0, prod: 2, min: 4, max: 5 } as const;

const reduceKernels: readonly WasmKernel[] = Object.entries(reductions).map(([name, op]) =>
  reducing(`int_reduce_${name}`, (call) => {
    const kind = kindOf(call, result(call, operand(call, 0).dtype).dtype);
    const { kernels } = call;
    return (x, y, { outer, size, inner }) => kernels.int_reduce(op, kind, x, y, outer, size, inner);
  }),
);

const argmax: WasmKernel = {
  id: "int_argmax",
  bind(call) {
    const [x, y] = [operand(call, 0), result(call, "i64")];
    const { outer, size, inner } = aroundAxis(x.shape, axisAttr(call, "axis", x.shape.length, 0));
    demand(call, size > 0 && elementCount(y.shape) === outer * inner, "the result has not one index per row");
    const [kind, last] = [kindOf(call, x.dtype), boolAttr(call, "last")];
    const { kernels } = call;
    return () => kernels.int_argmax(last ? 1 : 0, kind, x.ptr, y.ptr, outer, size, inner);
  },
};

function cumulative(name: "cumsum" | "cumprod"): WasmKernel {
  return {
    id: name,
    bind(call) {
      const x = operand(call, 0);
      const [y, kind] = [result(call, x.dtype), kindOf(call, x.dtype, "f32")];
      sameCount(call, x, y);
      const { outer, size, inner } = aroundAxis(x.shape, axisAttr(call, "axis", x.shape.length, 0));
      const flags = [boolAttr(call, "exclusive") ? 1 : 0, boolAttr(call, "reverse") ? 1 : 0] as const;
      const { kernels } = call;
      return () => kernels.cumulate(name === "cumsum" ? 0 : 2, kind, ...flags, x.ptr, y.ptr, outer, size, inner);
    },
  };
}

export const integerKernels: readonly WasmKernel[] = [
  ...binaryKernels,
  ...unaryKernels,
  ...reduceKernels,
  argmax,
  cumulative("cumsum"),
  cumulative("cumprod"),
];
