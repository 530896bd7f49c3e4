/**
 * @file Integers and truth values: i32 arithmetic, comparison, selection, gather, argmax and casts. A truth value is a byte, so results of that dtype are written four at a time. There are no
 * 64-bit integers on the device: an i64 is two words there, made from an i32 by its sign and read by its low word.
 */
import { aroundAxis, broadcastStrides } from "../../../step/shapes.ts";
import { axisAttr, boolAttr, demand, operand, refusal, result, type StepShapes, sameCount } from "../../../step/step.ts";
import { bitsPerElement, elementCount, type RuntimeDType } from "../../../tensor.ts";
import type { Program, StepTypes, WebGpuKernel } from "../kernel.ts";
import { codeReader, dot, eachIndex, gridFor, numbered, numberedValues, Params, shader, split } from "../wgsl.ts";

/** Of `v`. Arithmetic wraps, as the ops' references do. */
const unary: Readonly<Record<string, string>> = {
  abs: "abs(v)",
  neg: "-v",
  sign: "sign(v)",
};

const unaryParams = new Params("count");

function unaryProgram(name: string): Program {
  return {
    key: `i32 ${name}`,
    code: shader({
      bindings: [
        { name: "x", of: "i32" },
        { name: "y", of: "i32", write: true },
      ],
      params: unaryParams,
      body: `${eachIndex}\n  let v = x[i];\n  y[i] = ${unary[name]};`,
    }),
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call) {
      const count = sameCount(call, operand(call, 0, "i32"), result(call, "i32"));
      return count === 0 ? null : { uniform: unaryParams.pack({ count }), grid: gridFor(count) };
    },
  };
}

/** Of `a` and `b`, i32. WGSL leaves a / 0 to nobody, but the op says 0. */
const binary: Readonly<Record<string, string>> = {
  add: "a + b",
  div: "select(a / b, 0, b == 0)",
  max: "max(a, b)",
  min: "min(a, b)",
  mul: "a * b",
  sub: "a - b",
};

/** Of `a` and `b`: truth values. */
const comparisons: Readonly<Record<string, string>> = { equal: "a == b", less: "a < b", greater: "a > b" };
const logic: Readonly<Record<string, string>> = { and: "(a & b) != 0", or: "(a | b) != 0", xor: "(a ^ b) != 0" };

/** `fn <name>(i) -> T`: element i of an array of words; a truth value is 0 or 1. */
function reader(name: string, array: string, dtype: RuntimeDType): string {
  if (dtype === "f32") return `fn ${name}(i: i32) -> f32 { return bitcast<f32>(${array}[i]); }`;
  if (dtype === "i64") return `fn ${name}(i: i32) -> i32 { return bitcast<i32>(${array}[i * 2]); }`;
  return codeReader(name, array, dtype);
}

/** Some operands and the result by elements, with numpy's broadcasting. `value` is an expression of what `names` read. */
function broadcastProgram(step: StepTypes, names: readonly string[], value: string, what: string): Program {
  const rank = step.results[0]?.dims.length ?? 0;
  const to = step.results[0]?.dtype ?? "i32";
  const dtypes = names.map((_, i) => step.operands[i]?.dtype ?? "i32");
  const params = new Params("count", "elements", ...numbered("size", rank), ...names.flatMap((name) => numbered(`${name}s`, rank)));
  const read = names.map((name) => `let ${name} = ${name}At(${dot("c", `${name}s`, rank)});`).join("\n  ");
  const byWord = to === "bool";
  const place = (from: string) => `${split(from, "c", "size", rank)}\n  ${read}`;
  const body = byWord
    ? `var word = 0u;
  for (var e = 0; e < 4; e++) {
    let element = min(i * 4 + e, elements - 1);
    ${place("element")}
    word = insertBits(word, select(0u, 1u, ${value}), u32(e) * 8u, 8u);
  }
  y[i] = word;`
    : `${place("i")}\n  y[i] = bitcast<u32>(${value});`;
  return {
    key: `${what} ${dtypes.join()} ${to} ${rank}`,
    code: shader({
      bindings: [...names.map((name) => ({ name: `${name}Words`, of: "u32" })), { name: "y", of: "u32", write: true as const }],
      params,
      functions: names.map((name, i) => reader(`${name}At`, `${name}Words`, dtypes[i] as RuntimeDType)).join("\n"),
      body: `${eachIndex}\n  ${body}`,
    }),
    buffers: [...names.map((_, i) => ({ operand: i })), { result: 0 }],
    launch(call) {
      const y = result(call, to);
      const elements = elementCount(y.shape);
      demand(call, y.shape.length === rank, `rank ${y.shape.length}, expected ${rank}`);
      if (elements === 0) return null;
      const count = byWord ? Math.ceil(elements / 4) : elements;
      const fields: Record<string, number> = { count, elements, ...numberedValues("size", y.shape) };
      names.forEach((name, i) => {
        const strides = broadcastStrides(operand(call, i, dtypes[i] as RuntimeDType).shape, y.shape);
        if (!strides) throw refusal(call, "the operands do not broadcast to the result");
        Object.assign(fields, numberedValues(`${name}s`, strides));
      });
      return { uniform: params.pack(fields), grid: gridFor(count) };
    },
  };
}

const gatherParams = new Params("count", "elements", "size", "inner", "chosen");

/** One out of range takes the nearest end: a shader has no way to refuse. Indices that come from outside are checked when they are uploaded. */
function gatherProgram(step: StepTypes): Program {
  const bits = bitsPerElement(step.results[0]?.dtype ?? "f32");
  const perWord = 32 / bits;
  const place = (element: string) => `let k = ${element} / inner % chosen;
    let wanted = indices[k];
    let source = clamp(select(wanted, wanted + size, wanted < 0), 0, size - 1);
    let at = (${element} / inner / chosen * size + source) * inner + ${element} % inner;`;
  const narrow = `var word = 0u;
  for (var e = 0; e < ${perWord}; e++) {
    let element = min(i * ${perWord} + e, elements - 1);
    ${place("element")}
    word = insertBits(word, extractBits(x[at / ${perWord}], u32(at % ${perWord}) * ${bits}u, ${bits}u), u32(e) * ${bits}u, ${bits}u);
  }
  y[i] = word;`;
  return {
    key: `gather ${bits}`,
    code: shader({
      bindings: [
        { name: "x", of: "u32" },
        { name: "indices", of: "i32" },
        { name: "y", of: "u32", write: true },
      ],
      params: gatherParams,
      body: `${eachIndex}\n  ${perWord === 1 ? `${place("i")}\n  y[i] = x[at];` : narrow}`,
    }),
    buffers: [{ operand: 0 }, { operand: 1 }, { result: 0 }],
    launch(call) {
      const [x, indices, y] = [operand(call, 0), operand(call, 1, "i32"), result(call)];
      const { outer, size, inner } = aroundAxis(x.shape, axisAttr(call, "axis", x.shape.length, 0));
      const [chosen, elements] = [elementCount(indices.shape), elementCount(y.shape)];
      demand(call, x.dtype === y.dtype && elements === outer * chosen * inner, "the result has not the gathered shape");
      if (elements === 0) return null;
      demand(call, size > 0, "an empty axis is indexed");
      const count = Math.ceil(elements / perWord);
      return { uniform: gatherParams.pack({ count, elements, size, inner, chosen }), grid: gridFor(count) };
    },
  };
}

const argmaxParams = new Params("count", "length", "inner", "last");

/** The first of equals, or the last of them; likewise of NaN, if there is one. Bits tell a NaN, since a compiler may take it that there are none. */
function argmaxProgram(step: StepTypes): Program {
  const of = step.operands[0]?.dtype === "i32" ? "i32" : "f32";
  const nan = of === "f32" ? "(bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u" : "false";
  return {
    key: `argmax ${of}`,
    code: shader({
      bindings: [
        { name: "x", of },
        { name: "y", of: "u32", write: true },
      ],
      params: argmaxParams,
      functions: `fn isNan(v: ${of}) -> bool { return ${nan}; }`,
      body: `${eachIndex}
  let base = i / inner * inner * length + i % inner;
  var best = 0;
  var most = x[base];
  for (var k = 1; k < length; k++) {
    let v = x[base + k * inner];
    let above = select(v > most, isNan(v), isNan(v) || isNan(most));
    let level = select(v == most, isNan(v), isNan(most));
    if ((above && !isNan(most)) || (level && last != 0)) { best = k; most = v; }
  }
  y[i * 2] = u32(best);
  y[i * 2 + 1] = 0u;`,
    }),
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call) {
      const [x, y] = [operand(call, 0, of), result(call, "i64")];
      const { outer, size, inner } = aroundAxis(x.shape, axisAttr(call, "axis", x.shape.length, -1));
      const count = outer * inner;
      demand(call, elementCount(y.shape) === count, "the result has not the other axes");
      return count === 0
        ? null
        : { uniform: argmaxParams.pack({ count, length: size, inner, last: Number(boolAttr(call, "last")) }), grid: gridFor(count) };
    },
  };
}

const castParams = new Params("count", "elements");

/** Truncated, then saturated; NaN gives 0. The comparisons decide before the conversion does, which is the device's own out of range. */
const toInteger =
  "select(select(i32(clamp(v, -2147483648.0, 2147483520.0)), 2147483647, v >= 2147483648.0), 0, (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u)";

function castProgram(step: StepTypes): Program {
  const [from, to] = [step.operands[0]?.dtype ?? "i32", step.results[0]?.dtype ?? "i32"];
  const integer = from === "f32" ? toInteger : "v";
  const bodies: Readonly<Record<string, string>> = {
    i32: `let v = at(i);\n  y[i] = bitcast<u32>(${integer});`,
    i64: `let v = at(i);\n  let n = ${integer};\n  y[i * 2] = bitcast<u32>(n);\n  y[i * 2 + 1] = select(0u, 0xffffffffu, n < 0);`,
    bool: `var word = 0u;
  for (var e = 0; e < 4; e++) { word = insertBits(word, select(0u, 1u, at(min(i * 4 + e, elements - 1)) != 0), u32(e) * 8u, 8u); }
  y[i] = word;`,
  };
  return {
    key: `cast ${from} ${to}`,
    code: shader({
      bindings: [
        { name: "x", of: "u32" },
        { name: "y", of: "u32", write: true },
      ],
      params: castParams,
      functions: reader("at", "x", from),
      body: `${eachIndex}\n  ${bodies[to]}`,
    }),
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call: StepShapes) {
      const elements = sameCount(call, operand(call, 0, from), result(call, to));
      const count = to === "bool" ? Math.ceil(elements / 4) : elements;
      return count === 0 ? null : { uniform: castParams.pack({ count, elements }), grid: gridFor(count) };
    },
  };
}

const truths = { ...comparisons, ...logic };

export const integerKernels: readonly WebGpuKernel[] = [
  ...Object.keys(unary).map((name): WebGpuKernel => ({ id: `int_${name}`, programs: () => [unaryProgram(name)] })),
  ...Object.entries(binary).map(
    ([name, value]): WebGpuKernel => ({ id: `int_${name}`, programs: (step) => [broadcastProgram(step, ["a", "b"], value, name)] }),
  ),
  ...Object.entries(truths).map(
    ([name, value]): WebGpuKernel => ({ id: name, programs: (step) => [broadcastProgram(step, ["a", "b"], value, name)] }),
  ),
  ...Object.entries(comparisons).map(
    ([name, value]): WebGpuKernel => ({ id: `int_${name}`, programs: (step) => [broadcastProgram(step, ["a", "b"], value, name)] }),
  ),
  { id: "not", programs: (step) => [broadcastProgram(step, ["a"], "a == 0", "not")] },
  { id: "where", programs: (step) => [broadcastProgram(step, ["t", "a", "b"], "select(b, a, t != 0)", "where")] },
  { id: "gather", programs: (step) => [gatherProgram(step)] },
  ...["argmax", "int_argmax"].map((id): WebGpuKernel => ({ id, programs: (step) => [argmaxProgram(step)] })),
  { id: "cast_integer", programs: (step) => [castProgram(step)] },
];
