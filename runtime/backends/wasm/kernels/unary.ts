/** @file Element-wise functions of one f32 tensor. */

import { floatAttr, operand, result, sameCount } from "../../../step/step.ts";
import type { Kernels } from "../gen/kernels.generated.ts";
import type { KernelCall, WasmKernel } from "../kernel.ts";

type Unary = (x: number, y: number, n: number) => void;
/** Exports that take x, y and a count. */
type UnaryName = { [K in keyof Kernels]: Kernels[K] extends Unary ? (Unary extends Kernels[K] ? K : never) : never }[keyof Kernels];

function places(call: KernelCall) {
  const [x, y] = [operand(call, 0, "f32"), result(call, "f32")];
  return { x: x.ptr, y: y.ptr, n: sameCount(call, x, y) };
}

function unary(id: UnaryName): WasmKernel {
  return {
    id,
    bind(call) {
      const { x, y, n } = places(call);
      const { kernels } = call;
      return () => kernels[id](x, y, n);
    },
  };
}

const clip: WasmKernel = {
  id: "f32_clip",
  bind(call) {
    const { x, y, n } = places(call);
    const [lo, hi] = [floatAttr(call, "min", Number.NEGATIVE_INFINITY), floatAttr(call, "max", Number.POSITIVE_INFINITY)];
    const { kernels } = call;
    return () => kernels.f32_clip(x, y, n, lo, hi);
  },
};

const leakyRelu: WasmKernel = {
  id: "f32_leaky_relu",
  bind(call) {
    const { x, y, n } = places(call);
    const slope = floatAttr(call, "alpha", 0.01);
    const { kernels } = call;
    return () => kernels.f32_leaky_relu(x, y, n, slope);
  },
};

/** One line of JavaScript per element: rare in networks that are run, so not worth WebAssembly. */
function scripted(id: string, f: (x: number) => number): WasmKernel {
  return {
    id,
    bind(call) {
      const { x, y, n } = places(call);
      const { memory } = call;
      return () => {
        const { f32 } = memory;
        const [from, to] = [x >>> 2, y >>> 2];
        for (let i = 0; i < n; i++) f32[to + i] = f(f32[from + i] as number);
      };
    },
  };
}

const angles = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"] as const;

export const unaryKernels: readonly WasmKernel[] = [
  unary("f32_abs"),
  unary("f32_ceil"),
  unary("f32_erf"),
  unary("f32_exp"),
  unary("f32_floor"),
  unary("f32_log"),
  unary("f32_neg"),
  unary("f32_reciprocal"),
  unary("f32_relu"),
  unary("f32_round"),
  unary("f32_sigmoid"),
  unary("f32_softplus"),
  unary("f32_sqrt"),
  unary("f32_tanh"),
  clip,
  leakyRelu,
  scripted("f32_step", (x) => (x > 0 ? 1 : 0)),
  scripted("f32_sign", Math.sign),
  ...angles.map((name) => scripted(`f32_${name}`, Math[name])),
];
