/**
 * @file Moving elements: view, transpose, broadcast, slice, concat, pad. 32-bit elements are copied as words; narrower ones a word of the result at a time, since two invocations may not
 * write one word.
 */
import { aroundAxis, rowMajor } from "../../../step/shapes.ts";
import { axisAttr, demand, floatAttr, listAttr, operand, result, type StepShapes } from "../../../step/step.ts";
import { broadcastWalk, sliceWalk, transposeWalk, type Walk } from "../../../step/walk.ts";
import { bitsPerElement, elementCount } from "../../../tensor.ts";
import type { Launch, Program, StepTypes, WebGpuKernel } from "../kernel.ts";
import { dot, eachIndex, floatBits, gridFor, numbered, numberedValues, Params, shader, split } from "../wgsl.ts";

const words = [
  { name: "x", of: "u32" },
  { name: "y", of: "u32", write: true as const },
];

/** Bits of an element that moves: 8, 16 or 32. */
function movedBits(step: StepTypes): number {
  return bitsPerElement(step.results[0]?.dtype ?? "f32");
}

function stridedProgram(step: StepTypes, walk: (call: StepShapes) => Walk): Program {
  const rank = step.results[0]?.dims.length ?? 0;
  const bits = movedBits(step);
  const params = new Params("count", "elements", "start", ...numbered("size", rank), ...numbered("stride", rank));
  const perWord = 32 / bits;
  const place = (from: string) => `${split(from, "c", "size", rank)}
  let at = start + ${dot("c", "stride", rank)};`;
  const wide = `${place("i")}
  y[i] = x[at];`;
  const narrow = `var word = 0u;
  for (var e = 0; e < ${perWord}; e++) {
    let element = min(i * ${perWord} + e, elements - 1);
    ${place("element")}
    let moved = extractBits(x[at / ${perWord}], u32(at % ${perWord}) * ${bits}u, ${bits}u);
    word = insertBits(word, moved, u32(e) * ${bits}u, ${bits}u);
  }
  y[i] = word;`;
  return {
    key: `strided ${bits} ${rank}`,
    code: shader({ bindings: words, params, body: `${eachIndex}\n  ${perWord === 1 ? wide : narrow}` }),
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call) {
      const [x, y] = [operand(call, 0), result(call)];
      demand(call, x.dtype === y.dtype && y.shape.length === rank, "operand and result differ in dtype or rank");
      const elements = elementCount(y.shape);
      if (elements === 0) return null;
      const { start, strides } = walk(call);
      const count = Math.ceil(elements / perWord);
      const fields = { count, elements, start, ...numberedValues("size", y.shape), ...numberedValues("stride", strides) };
      return { uniform: params.pack(fields), grid: gridFor(count) };
    },
  };
}

const concatParams = new Params("count", "block", "row", "offset");

/** One program per operand, each writing its own part of every row of the result. */
function concatProgram(step: StepTypes, which: number): Program {
  const type = movedBits(step) === 16 ? "f16" : "u32";
  return {
    key: `concat ${type}`,
    code: shader({
      bindings: [
        { name: "x", of: type },
        { name: "y", of: type, write: true },
      ],
      params: concatParams,
      body: `${eachIndex}
  y[i / block * row + offset + i % block] = x[i];`,
    }),
    buffers: [{ operand: which }, { result: 0 }],
    launch: (call) => concatLaunch(call, which),
  };
}

function concatLaunch(call: StepShapes, which: number): Launch | null {
  const y = result(call);
  const whole = aroundAxis(y.shape, axisAttr(call, "axis", y.shape.length, 0));
  const row = whole.size * whole.inner;
  if (whole.outer * row === 0) return null;
  const blocks = call.operands.map((_, i) => elementCount(operand(call, i, y.dtype).shape) / whole.outer);
  const sound = blocks.every(Number.isInteger) && blocks.reduce((sum, block) => sum + block, 0) === row;
  demand(call, sound, `the pieces take ${blocks.join(" + ")} elements, a row of the result ${row}`);
  const block = blocks[which] ?? 0;
  const offset = blocks.slice(0, which).reduce((sum, before) => sum + before, 0);
  const count = block * whole.outer;
  return count === 0 ? null : { uniform: concatParams.pack({ count, block, row, offset }), grid: gridFor(count) };
}

function padProgram(step: StepTypes): Program {
  const rank = step.results[0]?.dims.length ?? 0;
  const params = new Params(
    ...["count", "filler"],
    ...[...numbered("size", rank), ...numbered("before", rank), ...numbered("inner", rank), ...numbered("stride", rank)],
  );
  const inside = Array.from({ length: rank }, (_, axis) => `c${axis} >= before${axis} && c${axis} < before${axis} + inner${axis}`);
  const terms = Array.from({ length: rank }, (_, axis) => `(c${axis} - before${axis}) * stride${axis}`);
  return {
    key: `pad ${rank}`,
    code: shader({
      bindings: words,
      params,
      body: `${eachIndex}
  ${split("i", "c", "size", rank)}
  let inside = ${inside.join(" && ") || "true"};
  y[i] = select(bitcast<u32>(filler), x[select(0, ${terms.join(" + ") || "0"}, inside)], inside);`,
    }),
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call) {
      const [x, y] = [operand(call, 0, "f32", "i32"), result(call, "f32", "i32")];
      const before = listAttr(call, "before");
      demand(call, x.dtype === y.dtype && before.length === rank && x.shape.length === rank, "before has one entry per axis");
      const count = elementCount(y.shape);
      const value = floatAttr(call, "value", 0);
      if (count === 0) return null;
      const fields = {
        ...{ count, filler: x.dtype === "f32" ? floatBits(value) : Math.trunc(value) },
        ...{ ...numberedValues("size", y.shape), ...numberedValues("before", before) },
        ...{ ...numberedValues("inner", x.shape), ...numberedValues("stride", rowMajor(x.shape)) },
      };
      return { uniform: params.pack(fields), grid: gridFor(count) };
    },
  };
}

export const moveKernels: readonly WebGpuKernel[] = [
  { id: "view", view: true, programs: () => [] },
  { id: "transpose", programs: (step) => [stridedProgram(step, transposeWalk)] },
  { id: "broadcast", programs: (step) => [stridedProgram(step, broadcastWalk)] },
  { id: "slice", programs: (step) => [stridedProgram(step, sliceWalk)] },
  { id: "concat", programs: (step) => step.operands.map((_, which) => concatProgram(step, which)) },
  { id: "pad", programs: (step) => [padProgram(step)] },
];
