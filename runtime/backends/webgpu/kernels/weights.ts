/** @file What rebuilds compressed weights on the device, once at load: dequantize, lookup, expand, unpack, casts; and quantize, for activations. Results are written a word at a time. */
import { aroundAxis } from "../../../step/shapes.ts";
import { axisAttr, demand, intAttr, operand, result, type StepShapes, sameCount } from "../../../step/step.ts";
import { bitsPerElement, elementCount, type RuntimeDType } from "../../../tensor.ts";
import type { BufferRef, Program, StepTypes, WebGpuKernel } from "../kernel.ts";
import { type Binding, codeReader, eachIndex, gridFor, Params, shader } from "../wgsl.ts";

const scaleParams = new Params("count", "elements", "length", "inner", "block", "blocks", "single");

/** Index of the scale of element `e`. */
const scaleOf = `
fn scaleIndex(e: i32, length: i32, inner: i32, block: i32, blocks: i32, single: i32) -> i32 {
  let a = e / inner % length;
  let blocked = (e / (length * inner) * blocks + a / max(block, 1)) * inner + e % inner;
  return select(select(a, blocked, block > 0), 0, single != 0);
}`;
const scaleCall = (e: string) => `scaleIndex(${e}, length, inner, block, blocks, single)`;

/** How scales lie over the tensor; as on every backend, a scalar covers it whole. */
function scaleFields(call: StepShapes, shape: readonly number[], zeros: boolean) {
  const scale = operand(call, 1, "f32").shape;
  const block = intAttr(call, "block", 0);
  const none = { length: 1, inner: 1, block: 0, blocks: 1, single: 1 };
  const { outer, size, inner } =
    scale.length === 0 ? { outer: 1, size: 1, inner: 1 } : aroundAxis(shape, axisAttr(call, "axis", shape.length, 0));
  const blocks = block > 0 ? Math.ceil(size / block) : size;
  const count = scale.length === 0 ? 1 : block === 0 ? size : outer * blocks * inner;
  demand(call, block >= 0 && elementCount(scale) === count, `${elementCount(scale)} scales, the tensor takes ${count}`);
  if (zeros) demand(call, elementCount(operand(call, 2).shape) === count, "scales and zero points differ in number");
  return scale.length === 0 ? none : { length: Math.max(1, size), inner: Math.max(1, inner), block, blocks, single: 0 };
}

const present = (step: StepTypes, which: number): boolean => step.operands[which] !== null && step.operands[which] !== undefined;

function dequantize(step: StepTypes): Program {
  const dtype = step.operands[0]?.dtype ?? "i8";
  const centred = present(step, 2);
  const bindings: Binding[] = [
    { name: "codes", of: "u32" },
    { name: "scale", of: "f32" },
    ...(centred ? [{ name: "zeros", of: "u32" }] : []),
    { name: "y", of: "f32", write: true },
  ];
  const functions = [scaleOf, codeReader("code", "codes", dtype), centred ? codeReader("zero", "zeros", dtype) : ""].join("\n");
  return {
    key: `dequantize ${dtype} ${centred}`,
    code: shader({
      bindings,
      params: scaleParams,
      functions,
      body: `${eachIndex}
  let s = ${scaleCall("i")};
  y[i] = f32(code(i)${centred ? " - zero(s)" : ""}) * scale[s];`,
    }),
    buffers: [{ operand: 0 }, { operand: 1 }, ...(centred ? [{ operand: 2 }] : []), { result: 0 }],
    launch(call) {
      const x = operand(call, 0, dtype);
      const count = sameCount(call, x, result(call, "f32"));
      const fields = scaleFields(call, x.shape, centred);
      return count === 0 ? null : { uniform: scaleParams.pack({ count, elements: count, ...fields }), grid: gridFor(count) };
    },
  };
}

const byteRange = { i8: [-128, 127], u8: [0, 255] } as const;

function quantize(step: StepTypes): Program {
  const dtype = step.results[0]?.dtype === "u8" ? "u8" : "i8";
  const centred = present(step, 2);
  const [least, most] = byteRange[dtype];
  const functions = [scaleOf, centred ? codeReader("zero", "zeros", dtype) : ""].join("\n");
  return {
    key: `quantize ${dtype} ${centred}`,
    code: shader({
      bindings: [
        { name: "x", of: "f32" },
        { name: "scale", of: "f32" },
        ...(centred ? [{ name: "zeros", of: "u32" }] : []),
        { name: "y", of: "u32", write: true },
      ],
      params: scaleParams,
      functions,
      body: `${eachIndex}
  var word = 0u;
  for (var e = 0; e < 4; e++) {
    let at = min(i * 4 + e, elements - 1);
    let s = ${scaleCall("at")};
    let v = clamp(round(x[at] / scale[s])${centred ? " + f32(zero(s))" : ""}, ${least}.0, ${most}.0);
    word = insertBits(word, bitcast<u32>(i32(v)), u32(e) * 8u, 8u);
  }
  y[i] = word;`,
    }),
    buffers: [{ operand: 0 }, { operand: 1 }, ...(centred ? [{ operand: 2 }] : []), { result: 0 }],
    launch(call) {
      const x = operand(call, 0, "f32");
      const elements = sameCount(call, x, result(call, dtype));
      const count = Math.ceil(elements / 4);
      const fields = scaleFields(call, x.shape, centred);
      return count === 0 ? null : { uniform: scaleParams.pack({ count, elements, ...fields }), grid: gridFor(count) };
    },
  };
}

const countParams = new Params("count", "elements");
const lookupParams = new Params("count", "width");

function lookup(step: StepTypes): Program {
  const codes = step.operands[1]?.dtype ?? "u8";
  return {
    key: `lookup ${codes}`,
    code: shader({
      bindings: [
        { name: "table", of: "u32" },
        { name: "codes", of: "u32" },
        { name: "y", of: "u32", write: true },
      ],
      params: lookupParams,
      functions: codeReader("code", "codes", codes),
      body: `${eachIndex}
  y[i] = table[code(i / width) * width + i % width];`,
    }),
    buffers: [{ operand: 0 }, { operand: 1 }, { result: 0 }],
    launch(call) {
      const [table, y] = [operand(call, 0, "f32"), result(call, "f32")];
      const [count, width] = [elementCount(y.shape), elementCount(table.shape.slice(1))];
      demand(call, elementCount(operand(call, 1, codes).shape) * width === count, `entries of ${width} elements do not make ${count}`);
      return count === 0 ? null : { uniform: lookupParams.pack({ count, width }), grid: gridFor(count) };
    },
  };
}

/** Mask words whose bits one invocation of the first two passes counts. */
const chunk = 256;
const maskParams = new Params("count", "elements", "chunks");
const maskWords = [{ operand: 1 }] as const satisfies readonly BufferRef[];

/**
 * `expand` by a mask in three passes: bits per chunk of 256 words; their running sum, by one invocation (a million weights are 122 chunks); then each word of the mask places its
 * values, counting the bits before it inside the chunk.
 */
function expandMask(step: StepTypes): readonly Program[] {
  const dtype = step.results[0]?.dtype ?? "f32";
  const bits = bitsPerElement(dtype);
  const perWord = 32 / bits;
  const launchOver =
    (counted: (fields: { count: number; chunks: number }) => number): Program["launch"] =>
    (call) => {
      const elements = elementCount(result(call, dtype).shape);
      demand(call, elementCount(operand(call, 1, "u1").shape) === elements, "the mask has not one bit per element");
      const count = Math.ceil(elements / 32);
      const chunks = Math.ceil(count / chunk);
      return elements === 0 ? null : { uniform: maskParams.pack({ count, elements, chunks }), grid: gridFor(counted({ count, chunks })) };
    };
  const counting = shader({
    bindings: [
      { name: "mask", of: "u32" },
      { name: "sums", of: "u32", write: true },
    ],
    params: maskParams,
    functions: maskWord,
    body: `
  let c = i32(id.x + id.y * grid.x * 64u);
  if (c >= chunks) { return; }
  var sum = 0u;
  for (var k = c * ${chunk}; k < min((c + 1) * ${chunk}, count); k++) { sum += countOneBits(maskWord(k, elements)); }
  sums[c] = sum;`,
  });
  const running = shader({
    bindings: [{ name: "sums", of: "u32", write: true }],
    params: maskParams,
    body: `
  if (id.x + id.y > 0u) { return; }
  var before = 0u;
  for (var c = 0; c < chunks; c++) { let own = sums[c]; sums[c] = before; before += own; }`,
  });
  const placing = shader({
    bindings: [
      { name: "values", of: "u32" },
      { name: "mask", of: "u32" },
      { name: "sums", of: "u32" },
      { name: "y", of: "u32", write: true },
    ],
    params: maskParams,
    functions: maskWord + value(bits),
    body: `${eachIndex}
  var at = i32(sums[i / ${chunk}]);
  for (var k = i / ${chunk} * ${chunk}; k < i; k++) { at += i32(countOneBits(maskWord(k, elements))); }
  let bits = maskWord(i, elements);
  for (var w = 0; w < ${bits}; w++) {
    var word = 0u;
    for (var e = 0; e < ${perWord}; e++) {
      if (extractBits(bits, u32(w * ${perWord} + e), 1u) == 1u) { word = ${bits === 32 ? "value(at)" : `insertBits(word, value(at), u32(e) * ${bits}u, ${bits}u)`}; at++; }
    }
    if (i * 32 + w * ${perWord} < elements) { y[i * ${bits} + w] = word; }
  }`,
  });
  const sums = { scratch: 0 } as const;
  return [
    { key: "mask counts", code: counting, buffers: [...maskWords, sums], launch: launchOver(({ chunks }) => chunks) },
    { key: "mask sums", code: running, buffers: [sums], launch: launchOver(() => 1) },
    {
      key: `mask places ${bits}`,
      code: placing,
      buffers: [{ operand: 0 }, ...maskWords, sums, { result: 0 }],
      launch: launchOver(({ count }) => count),
    },
  ];
}

/** Bits beyond the last element do not count. */
const maskWord = `
fn maskWord(k: i32, elements: i32) -> u32 {
  return select(mask[k], extractBits(mask[k], 0u, u32(elements % 32)), (k + 1) * 32 > elements);
}`;

function value(bits: number): string {
  const perWord = 32 / bits;
  return bits === 32
    ? "\nfn value(at: i32) -> u32 { return values[at]; }"
    : `\nfn value(at: i32) -> u32 { return extractBits(values[at / ${perWord}], u32(at % ${perWord}) * ${bits}u, ${bits}u); }`;
}

const maskScratch = (call: StepShapes): readonly number[] => [4 * Math.max(1, Math.ceil(elementCount(result(call).shape) / 32 / chunk))];

const groupParams = new Params("count", "length", "inner", "n", "m");

/** `expand` by places inside groups of m: each element looks for itself among its group's n places. */
function expandGroups(step: StepTypes): Program {
  const places = step.operands[1]?.dtype ?? "u2";
  return {
    key: `groups ${places}`,
    code: shader({
      bindings: [
        { name: "values", of: "u32" },
        { name: "index", of: "u32" },
        { name: "y", of: "u32", write: true },
      ],
      params: groupParams,
      functions: codeReader("place", "index", places),
      body: `${eachIndex}
  let a = i / inner % length;
  let firstValue = (i / (inner * length) * (length / m) + a / m) * n;
  var word = 0u;
  for (var t = 0; t < n; t++) {
    let at = (firstValue + t) * inner + i % inner;
    if (place(at) == a % m) { word = values[at]; }
  }
  y[i] = word;`,
    }),
    buffers: [{ operand: 0 }, { operand: 1 }, { result: 0 }],
    launch(call) {
      const { shape } = result(call, "f32");
      const { size, inner } = aroundAxis(shape, axisAttr(call, "axis", shape.length, -1));
      const [n, m] = [intAttr(call, "n", 0), intAttr(call, "m", 0)];
      const count = elementCount(shape);
      const stored = (count / m) * n;
      demand(
        call,
        n >= 1 && m >= n && size % m === 0 && elementCount(operand(call, 1).shape) === stored,
        `${n} of ${m} do not fit the result`,
      );
      return count === 0 ? null : { uniform: groupParams.pack({ count, length: size, inner, n, m }), grid: gridFor(count) };
    },
  };
}

/** Integers of fewer than 8 bits to bytes, four at a time. */
function unpack(step: StepTypes): Program {
  const from = step.operands[0]?.dtype ?? "u4";
  return {
    key: `unpack ${from}`,
    code: shader({
      bindings: [
        { name: "codes", of: "u32" },
        { name: "y", of: "u32", write: true },
      ],
      params: countParams,
      functions: codeReader("code", "codes", from),
      body: `${eachIndex}
  var word = 0u;
  for (var e = 0; e < 4; e++) { word = insertBits(word, bitcast<u32>(code(min(i * 4 + e, elements - 1))), u32(e) * 8u, 8u); }
  y[i] = word;`,
    }),
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call) {
      const elements = sameCount(call, operand(call, 0, from), result(call));
      const count = Math.ceil(elements / 4);
      return count === 0 ? null : { uniform: countParams.pack({ count, elements }), grid: gridFor(count) };
    },
  };
}

function reader(from: RuntimeDType): string {
  if (from === "f16") return "fn element(i: i32) -> f32 { return unpack2x16float(x[i / 2])[i % 2]; }";
  if (from === "bf16") return "fn element(i: i32) -> f32 { return bitcast<f32>(extractBits(x[i / 2], u32(i % 2) * 16u, 16u) << 16u); }";
  if (from === "f32") return "fn element(i: i32) -> f32 { return bitcast<f32>(x[i]); }";
  return `${codeReader("code", "x", from)}\nfn element(i: i32) -> f32 { return f32(code(i)); }`;
}

/** To f32, or from f32 to f16, two at a time. */
function cast(step: StepTypes): Program {
  const [from, to] = [step.operands[0]?.dtype ?? "f32", step.results[0]?.dtype ?? "f32"];
  const half = to === "f16";
  return {
    key: `cast ${from} ${to}`,
    code: shader({
      bindings: [
        { name: "x", of: "u32" },
        { name: "y", of: half ? "u32" : "f32", write: true },
      ],
      params: countParams,
      functions: reader(from),
      body: `${eachIndex}
  y[i] = ${half ? "pack2x16float(vec2<f32>(element(i * 2), element(min(i * 2 + 1, elements - 1))))" : "element(i)"};`,
    }),
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call) {
      const elements = sameCount(call, operand(call, 0, from), result(call, to));
      const count = half ? Math.ceil(elements / 2) : elements;
      return count === 0 ? null : { uniform: countParams.pack({ count, elements }), grid: gridFor(count) };
    },
  };
}

export const weightKernels: readonly WebGpuKernel[] = [
  { id: "dequantize", programs: (step) => [dequantize(step)] },
  { id: "quantize", programs: (step) => [quantize(step)] },
  { id: "lookup", programs: (step) => [lookup(step)] },
  { id: "expand_mask", programs: expandMask, scratch: maskScratch },
  { id: "expand_groups", programs: (step) => [expandGroups(step)] },
  { id: "unpack", programs: (step) => [unpack(step)] },
  { id: "cast", programs: (step) => [cast(step)] },
];
