/**
 * @file Ops of a graph engine that fuses and lays out channels in blocks (ONNX Runtime: `nchwc_transformer`, MLAS): steps are ops, and only whole runs can be timed. Convolutions are split by
 * what such an engine has kernels for; everything else is counted.
 */
import { type CostFamily, coldConstants, coldValues } from "../family.ts";
import { type CostStep, touchedBytes } from "../step.ts";
import { convGeometry } from "./conv.ts";

/** Channels of a block: eight f32 lanes of AVX2; with 16 a fitted coefficient takes up the difference. */
const block = 8;

const blocked = (channels: number): number => Math.ceil(channels / block) * block;

export const graphConv: CostFamily = {
  name: "conv",
  terms: ["launch", "macs of 1x1", "macs", "macs of few inputs", "results", "inputs", "L3 bytes", "memory bytes"],
  count(step, context) {
    const { batch, ins, outs, groups, kernel, output } = convGeometry(step);
    const taps = kernel[0] * kernel[1];
    const pixels = batch * output[0] * output[1];
    const few = ins / groups < block;
    const macs = pixels * blocked(outs / groups) * groups * (few ? ins / groups : blocked(ins / groups)) * taps;
    return [
      1,
      taps === 1 && !few ? macs : 0,
      taps > 1 && !few ? macs : 0,
      few ? macs : 0,
      pixels * outs,
      step.operands[0]?.elements ?? 0,
      ...coldConstants(step.operands[1]?.bytes ?? 0, context),
    ];
  },
};

export const graphDepthwise: CostFamily = {
  name: "conv depthwise",
  terms: ["launch", "macs", "results"],
  count(step) {
    const { batch, outs, kernel, output } = convGeometry(step);
    const results = batch * output[0] * output[1] * blocked(outs);
    return [1, results * kernel[0] * kernel[1], results];
  },
};

/** Products: columns in blocks, single rows apart, since they stream the weight. */
export function graphProduct(name: string): CostFamily {
  return {
    name,
    terms: ["launch", "macs", "macs of single rows", "results", "L3 bytes", "memory bytes"],
    count(step, context) {
      const results = step.results[0];
      const columns = results?.shape.at(-1) ?? 1;
      const single = (results?.elements ?? 0) === columns;
      const macs = (step.macs / Math.max(1, columns)) * blocked(columns);
      const constants = step.operands.reduce((sum, operand) => sum + (operand?.constant ? operand.bytes : 0), 0);
      return [1, single ? 0 : macs, single ? macs : 0, results?.elements ?? 0, ...coldConstants(constants, context)];
    },
  };
}

export function graphStream(name: string): CostFamily {
  return {
    name,
    terms: ["launch", "bytes", "element operations", "L3 value bytes", "memory value bytes"],
    count: (step: CostStep) => [1, touchedBytes(step), step.elementOps, ...coldValues(touchedBytes(step))],
  };
}
