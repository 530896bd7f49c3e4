/** @file Integer kernels of the wasm backend: `i32x4.dot_i16x8_s` tiles of four channels by eight pixels, a widened copy of the image, requantized rows. */
import { type CostFamily, coldConstants } from "../family.ts";
import { convGeometry } from "./conv.ts";

export const intConv: CostFamily = {
  name: "i8_conv",
  terms: ["launch", "tile steps", "tiles", "widened pairs", "rows of results", "results", "L3 bytes", "memory bytes"],
  count(step, context) {
    const { batch, ins, outs, groups, kernel, output, strideX, plain } = convGeometry(step);
    const [height, width] = plain ? [1, output[0] * output[1]] : output;
    const channels = ins / groups;
    const one = channels === 1;
    const planes = one ? 1 : Math.ceil(channels / 2);
    const taps = one ? Math.ceil(kernel[0] / 2) * kernel[1] : kernel[0] * kernel[1];
    const tileOuts = outs / groups === 1 ? 1 : 4;
    const tiles = batch * groups * height * Math.ceil(outs / groups / tileOuts) * Math.ceil(width / (tileOuts === 1 ? 16 : 8));
    const rows = height * (Number((step.attrs.stride as readonly number[] | undefined)?.at(0) ?? 1) || 1) + kernel[0] - 1;
    const widened = batch * groups * planes * rows * (width + (kernel[1] - 1) / strideX) * (kernel[1] === 1 ? 1 : strideX);
    const results = batch * outs * output[0] * output[1];
    return [
      1,
      tiles * planes * taps,
      tiles,
      widened,
      batch * outs * height,
      results,
      ...coldConstants(step.operands[1]?.bytes ?? 0, context),
    ];
  },
};

export const intLinear: CostFamily = {
  name: "i8_linear",
  terms: ["launch", "macs", "results", "rows", "L3 bytes", "memory bytes"],
  count(step, context) {
    const results = step.results[0]?.elements ?? 0;
    const rows = results / Math.max(1, step.results[0]?.shape.at(-1) ?? 1);
    return [1, step.macs, results, rows, ...coldConstants(step.operands[1]?.bytes ?? 0, context)];
  },
};
