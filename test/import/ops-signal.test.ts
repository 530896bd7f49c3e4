/** @file DFT, STFT and MelWeightMatrix against ONNX Runtime, and against the sum that defines the transform where ONNX Runtime has none or another answer. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importOnnx } from "../../compiler/import/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { createCoreRegistry, type HostTensor, TersorError, toNumbers } from "../../ir-spec/index.ts";
import { ort, runOrt } from "../support/ort.ts";
import { needing } from "../support/skip.ts";
import { type Case, feedsOf, int, modelOf, of, random } from "./one-op.ts";

const oracle = needing(test, "ort", ort !== null);
const registry = createCoreRegistry();
const scalar = (value: number) => of("i64", [value], []);
const run = (one: Case): HostTensor => interpret(importOnnx(modelOf(one), { registry }), registry, feedsOf(one)).outputs.y0 as HostTensor;

function assertNear(got: HostTensor, shape: readonly number[], want: readonly number[], what: string): void {
  assert.equal([...got.shape], shape, what);
  const size = Math.max(1, ...want.map(Math.abs));
  toNumbers(got).forEach((value, i) => {
    if (!(Math.abs(value - (want[i] as number)) <= 3e-6 * size)) assert.unreachable(`${what}: [${i}] is ${value}, expected ${want[i]}`);
  });
}

/** Along axis 1 of [batch, length, inner, parts]: the definition, term by term. */
function transform(x: HostTensor, length: number, sign: number): readonly number[] {
  const [batch = 1, size = 1, inner = 1, parts = 1] = x.shape;
  const at = (b: number, j: number, i: number, part: number): number =>
    j < size && part < parts ? Number(x.data[((b * size + j) * inner + i) * parts + part]) : 0;
  const y: number[] = [];
  for (let b = 0; b < batch; b++)
    for (let k = 0; k < length; k++)
      for (let i = 0; i < inner; i++) {
        let [re, im] = [0, 0];
        for (let j = 0; j < length; j++) {
          const turn = (sign * 2 * Math.PI * ((j * k) % length)) / length;
          re += at(b, j, i, 0) * Math.cos(turn) - at(b, j, i, 1) * Math.sin(turn);
          im += at(b, j, i, 0) * Math.sin(turn) + at(b, j, i, 1) * Math.cos(turn);
        }
        y.push(sign > 0 ? re / length : re, sign > 0 ? im / length : im);
      }
  return y;
}

const dft = (x: HostTensor, length: number | null, axis: number, attrs: NonNullable<Case["attrs"]> = {}, opset = 20): Case => {
  const inputs = [x, length === null ? null : scalar(length), ...(opset < 20 ? [] : [scalar(axis)])];
  while (inputs.at(-1) === null) inputs.pop();
  return {
    op: "DFT",
    inputs,
    attrs: opset < 20 ? { axis: int(axis), ...attrs } : attrs,
    opset,
    fixed: [1, 2],
    outputs: [["f32", x.shape.length]],
  };
};

// Direct, a prime, a square, twice split, split to an odd factor, and beyond the longest direct one.
for (const length of [1, 2, 7, 16, 36, 37, 64, 90, 1000, 1024]) {
  for (const parts of [1, 2]) {
    const x = random("f32", [2, length, 3, parts], length);
    test(`DFT of ${length} samples of ${parts} parts is the sum that defines it, and back again`, () => {
      const shape = [2, length, 3, 2];
      assertNear(run(dft(x, null, 1)), shape, transform(x, length, -1), "forward");
      assertNear(run(dft(x, null, 1, { inverse: int(1) })), shape, transform(x, length, 1), "inverse");
    });
  }
  test(`half of a spectrum of ${length} bins, and a signal from it`, () => {
    const x = random("f32", [1, length, 2, 1], length + 1);
    const bins = Math.floor(length / 2) + 1;
    const half = run(dft(x, null, 1, { onesided: int(1) }));
    assertNear(half, [1, bins, 2, 2], transform(x, length, -1).slice(0, bins * 4), "half");
    assertNear(run(dft(half, length, 1, { onesided: int(1), inverse: int(1) })), [...x.shape], toNumbers(x), "back");
  });
}

test("dft_length cuts a signal or fills it with zeros", () => {
  const x = random("f32", [2, 12, 2, 1]);
  assertNear(run(dft(x, 16, 1)), [2, 16, 2, 2], transform(x, 16, -1), "longer");
  const cut: HostTensor = { ...x, shape: [1, 8, 2, 1], data: x.data.slice(0, 16) };
  const first: HostTensor = { ...x, shape: [1, 12, 2, 1], data: x.data.slice(0, 24) };
  assertNear(run(dft(first, 8, 1)), [1, 8, 2, 2], transform(cut, 8, -1), "shorter");
});

const againstOrt: readonly Case[] = [
  dft(random("f32", [1, 16, 1]), null, 1, {}, 17),
  dft(random("f32", [2, 16, 2]), null, 1, { inverse: int(1) }, 17),
  dft(random("f32", [2, 9, 1]), null, 1, { onesided: int(1) }, 17),
  dft(random("f32", [3, 10, 4, 1]), null, 2, {}, 17),
  dft(random("f32", [3, 10, 4, 2]), null, -2),
  dft(random("f32", [3, 10, 4, 1]), 16, 1),
  ...[16, 20].flatMap((length) =>
    [4, 7].map((step): Case => {
      const window = random("f32", [length], 3);
      return { op: "STFT", inputs: [random("f32", [2, 65, 1]), scalar(step), window], opset: 17, fixed: [1], outputs: [["f32", 4]] };
    }),
  ),
  {
    op: "STFT",
    inputs: [random("f32", [1, 40, 1]), scalar(8), null, scalar(16)],
    attrs: { onesided: int(0) },
    opset: 17,
    fixed: [1, 3],
    outputs: [["f32", 4]],
  },
  ...[
    [8, 16, 8192, 0, 4096],
    [40, 512, 16000, 20, 7600],
    [1, 64, 8000, 300, 300],
  ].map(([bands = 0, length = 0, rate = 0, low = 0, high = 0]): Case => {
    const edges = [of("f32", [low], []), of("f32", [high], [])];
    const inputs = [scalar(bands), scalar(length), scalar(rate), ...edges];
    return { op: "MelWeightMatrix", inputs, opset: 17, fixed: [0, 1, 2, 3, 4], outputs: [["f32", 2]] };
  }),
];

againstOrt.forEach((one, i) => {
  const what = `${one.op} ${i} ${JSON.stringify(one.attrs ?? {})} as ONNX Runtime`;
  oracle(what, async () => {
    const { y0: want } = await runOrt(modelOf(one), feedsOf(one));
    assertNear(run(one), [...(want as HostTensor).shape], toNumbers(want as HostTensor), what);
  });
});

function refusal(one: Case): string {
  try {
    importOnnx(modelOf(one), { registry });
  } catch (error) {
    if (error instanceof TersorError) return error.problems.map((p) => `${p.code} ${p.message}`).join("\n");
    throw error;
  }
  return "";
}

test("what does not fit is refused with a code", () => {
  assert.match(refusal(dft(random("f32", [1, 8, 3]), null, 1)), /E0606 the last axis holds 1 \(real\) or 2 \(complex\) numbers, got 3/);
  assert.match(refusal(dft(random("f32", [1, 8, 2]), null, 2)), /E0606 axis 2 holds the real and imaginary parts/);
  assert.match(refusal(dft(random("f32", [1, 2053, 1]), null, 1)), /E0605 a transform of length 2053/);
});

test.run();
