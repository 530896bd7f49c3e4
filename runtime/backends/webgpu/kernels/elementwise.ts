/** @file One result element from one element of each operand: unary functions, and binary ones with numpy's broadcasting. */
import { broadcastStrides } from "../../../step/shapes.ts";
import { demand, floatAttr, operand, refusal, result, sameCount } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { Program, StepTypes, WebGpuKernel } from "../kernel.ts";
import { dot, eachIndex, floatBits, floatType, gridFor, numbered, numberedValues, Params, shader, split } from "../wgsl.ts";

/**
 * Of `v`, an f32. `a` and `b` are numbers from attributes. A branch decides where a NaN must stay one. tanh, sigmoid: clamped where their result is 1 to the last bit, since
 * drivers compute them by an exp that overflows. erf: Abramowitz and Stegun 7.1.26, |error| <= 1.5e-7, and below 0.5, where that is not small, its Taylor series.
 */
const unary: Readonly<Record<string, string>> = {
  abs: "abs(v)",
  ceil: "ceil(v)",
  clip: "select(min(max(v, a), b), v, v != v)",
  exp: "exp(v)",
  floor: "floor(v)",
  leaky_relu: "select(v, v * a, v < 0.0)",
  log: "log(v)",
  neg: "-v",
  reciprocal: "1.0 / v",
  relu: "select(v, 0.0, v < 0.0)",
  round: "round(v)",
  sigmoid: "1.0 / (1.0 + exp(-clamp(v, -80.0, 80.0)))",
  sign: "sign(v)",
  sqrt: "sqrt(v)",
  tanh: "tanh(clamp(v, -15.0, 15.0))",
  erf: "erf(v)",
};

const erf = `
fn erf(v: f32) -> f32 {
  let q = v * v;
  if (abs(v) < 0.5) {
    return v * (1.1283791670955126 - q * (0.3761263890318375 - q * (0.11283791670955126 - q * (0.026866170645131252 - q * (0.005223977625442188 - q * 0.0008548327023450852)))));
  }
  let t = 1.0 / (1.0 + 0.3275911 * abs(v));
  let poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return sign(v) * (1.0 - poly * exp(-q));
}`;

/** Attributes that become `a` and `b`. */
const numbers: Readonly<Record<string, readonly [string, string?]>> = { clip: ["min", "max"], leaky_relu: ["alpha"] };

const unaryParams = new Params("count", "aBits", "bBits");

function unaryProgram(name: string, step: StepTypes): Program {
  const type = floatType(step.results[0]?.dtype ?? "f32");
  const code = shader({
    bindings: [
      { name: "x", of: type },
      { name: "y", of: type, write: true },
    ],
    params: unaryParams,
    functions: name === "erf" ? erf : "",
    body: `${eachIndex}
  let a = bitcast<f32>(aBits);
  let b = bitcast<f32>(bBits);
  let v = f32(x[i]);
  y[i] = ${type}(${unary[name]});`,
  });
  const [first, second] = numbers[name] ?? [];
  return {
    key: `${name} ${type}`,
    code,
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call) {
      const count = sameCount(call, operand(call, 0), result(call));
      const bits = (attr: string | undefined) => (attr === undefined ? 0 : floatBits(floatAttr(call, attr, 0)));
      return count === 0 ? null : { uniform: unaryParams.pack({ count, aBits: bits(first), bBits: bits(second) }), grid: gridFor(count) };
    },
  };
}

/** Of `a` and `b`, f32. A NaN operand gives NaN. */
const binary: Readonly<Record<string, string>> = {
  add: "a + b",
  div: "a / b",
  max: "select(select(b, a, a > b), a, a != a)",
  min: "select(select(b, a, a < b), a, a != a)",
  mul: "a * b",
  sub: "a - b",
};

function binaryBindings(type: "f32" | "f16") {
  return [
    { name: "left", of: type },
    { name: "right", of: type },
    { name: "y", of: type, write: true as const },
  ];
}

const flatParams = new Params("count");

/** Operands of the result's shape. */
function flatProgram(name: string, type: "f32" | "f16"): Program {
  return {
    key: `${name} flat ${type}`,
    code: shader({
      bindings: binaryBindings(type),
      params: flatParams,
      body: `${eachIndex}
  let a = f32(left[i]);
  let b = f32(right[i]);
  y[i] = ${type}(${binary[name]});`,
    }),
    buffers: [{ operand: 0 }, { operand: 1 }, { result: 0 }],
    launch(call) {
      const [a, b, y] = [operand(call, 0), operand(call, 1), result(call)];
      const count = elementCount(y.shape);
      if (count === 0 || !isFlat(a.shape, b.shape, y.shape)) return null;
      return { uniform: flatParams.pack({ count }), grid: gridFor(count) };
    },
  };
}

function isFlat(...shapes: readonly (readonly number[])[]): boolean {
  return new Set(shapes.map((shape) => shape.join())).size === 1;
}

function broadcastProgram(name: string, type: "f32" | "f16", rank: number): Program {
  const params = new Params("count", ...numbered("size", rank), ...numbered("as", rank), ...numbered("bs", rank));
  return {
    key: `${name} broadcast ${type} ${rank}`,
    code: shader({
      bindings: binaryBindings(type),
      params,
      body: `${eachIndex}
  ${split("i", "c", "size", rank)}
  let a = f32(left[${dot("c", "as", rank)}]);
  let b = f32(right[${dot("c", "bs", rank)}]);
  y[i] = ${type}(${binary[name]});`,
    }),
    buffers: [{ operand: 0 }, { operand: 1 }, { result: 0 }],
    launch(call) {
      const [a, b, y] = [operand(call, 0), operand(call, 1), result(call)];
      const count = elementCount(y.shape);
      const [as, bs] = [broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape)];
      if (!as || !bs) throw refusal(call, "the operands do not broadcast to the result");
      demand(call, y.shape.length === rank, `rank ${y.shape.length}, expected ${rank}`);
      if (count === 0 || isFlat(a.shape, b.shape, y.shape)) return null;
      const values = { count, ...numberedValues("size", y.shape), ...numberedValues("as", as), ...numberedValues("bs", bs) };
      return { uniform: params.pack(values), grid: gridFor(count) };
    },
  };
}

function binaryPrograms(name: string, step: StepTypes): readonly Program[] {
  const type = floatType(step.results[0]?.dtype ?? "f32");
  return [flatProgram(name, type), broadcastProgram(name, type, step.results[0]?.dims.length ?? 0)];
}

export const unaryNames: readonly string[] = Object.keys(unary);
export const binaryNames: readonly string[] = Object.keys(binary);

export const elementwiseKernels: readonly WebGpuKernel[] = [
  ...unaryNames.map((name): WebGpuKernel => ({ id: name, programs: (step) => [unaryProgram(name, step)] })),
  ...binaryNames.map((name): WebGpuKernel => ({ id: name, programs: (step) => binaryPrograms(name, step) })),
];
