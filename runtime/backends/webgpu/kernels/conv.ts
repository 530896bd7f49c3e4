/**
 * @file Convolution over one or two spatial axes. `conv`: all channels of a group of one, each invocation 4 pixels by 4 output channels, weights packed as vec4 of 4 output channels.
 * `conv_grouped`: any groups, depthwise among them; each invocation 4 pixels of one channel. 1x1 without stride or padding is a matrix product (`product.ts`).
 */

import { span } from "../../../limits.ts";
import type { StepShapes } from "../../../step/step.ts";
import { activationCode, demand, intAttr, operand, result } from "../../../step/step.ts";
import { plane, windowSteps } from "../../../step/window.ts";
import { elementCount } from "../../../tensor.ts";
import type { Program, StepTypes, WebGpuKernel } from "../kernel.ts";
import { activated, type Binding, fitsGrid, floatType, Params, shader } from "../wgsl.ts";

const params = new Params(
  ...(["batch", "ins", "outs", "groups", "height", "width", "kernelY", "kernelX", "outHeight", "outWidth"] as const),
  ...(["strideY", "strideX", "beginY", "beginX", "dilationY", "dilationX"] as const),
);

type Fields = Parameters<typeof params.pack>[0];

function geometry(call: StepShapes, channelTile: number): { readonly fields: Fields; readonly weights: number } {
  const [x, y] = [operand(call, 0).shape, result(call).shape];
  const weight = operand(call, 1).shape;
  const [batch = 0, ins = 0] = x;
  const outs = y[1] ?? 0;
  const groups = intAttr(call, "groups", 1);
  const sound = x.length === y.length && batch === y[0] && groups >= 1 && ins % groups === 0 && outs % groups === 0;
  demand(call, sound && weight.length >= x.length, `weight [${weight.join(", ")}] does not fit x [${x.join(", ")}]`);
  const [image, output] = [plane(call, x), plane(call, y)];
  const kernel = plane(call, weight.slice(0, x.length));
  const { stride, begin, dilation } = windowSteps(call, x.length - 2);
  const panels = Math.ceil(outs / channelTile) * channelTile;
  const fields = {
    ...{ batch, ins, outs, groups, height: image.y, width: image.x, kernelY: kernel.y, kernelX: kernel.x },
    ...{ outHeight: output.y, outWidth: output.x, strideY: stride.y, strideX: stride.x, beginY: begin.y, beginX: begin.x },
    ...{ dilationY: dilation.y, dilationX: dilation.x },
  };
  return { fields, weights: panels * (ins / groups) * kernel.y * kernel.x };
}

function work(call: StepShapes): number {
  const { ins, groups, kernelY, kernelX } = geometry(call, 1).fields;
  return span(result(call).shape) * Math.max(1, (ins / groups) * kernelY * kernelX);
}

const lanes = [0, 1, 2, 3];
const size = [16, 4, 1] as const;

/** Where lane t's window starts. */
const origins = `
  let n = i32(id.z);
  let first = i32(id.x) * 4;
  let pixels = outHeight * outWidth;
  ${lanes
    .map(
      (t) => `let pixel${t} = min(first + ${t}, pixels - 1);
  let y${t} = pixel${t} / outWidth * strideY - beginY;
  let x${t} = pixel${t} % outWidth * strideX - beginX;`,
    )
    .join("\n  ")}`;

/** x at row `y<t> + dy`, column `x<t> + dx` of the plane at `base`, 0 outside. */
const load = `
fn load(base: i32, y: i32, x: i32, height: i32, width: i32) -> f32 {
  let inside = y >= 0 && y < height && x >= 0 && x < width;
  return select(0.0, f32(x_in[select(0, base + y * width + x, inside)]), inside);
}`;

const loads = lanes.map((t) => `load(base, y${t} + dy, x${t} + dx, height, width)`);

function bindingsOf(type: "f32" | "f16", weight: string, biased: boolean): readonly Binding[] {
  return [
    { name: "x_in", of: type },
    { name: "w", of: weight },
    ...(biased ? [{ name: "bias", of: type }] : []),
    { name: "y_out", of: type, write: true },
  ];
}

function program(kind: "dense" | "grouped", step: StepTypes): Program {
  const type = floatType(step.results[0]?.dtype ?? "f32");
  const biased = step.operands[2] !== null && step.operands[2] !== undefined;
  const { activation = "none" } = step.attrs;
  const dense = kind === "dense";
  const bindings = bindingsOf(type, dense ? `vec4<${type}>` : type, biased);
  return {
    key: `conv ${kind} ${type} ${biased} ${String(activation)}`,
    code: shader({
      bindings,
      params,
      size,
      functions: load,
      body: dense ? denseBody(type, biased, activation) : groupedBody(type, biased, activation),
    }),
    buffers: [{ operand: 0 }, { operand: 1 }, ...(biased ? [{ operand: 2 }] : []), { result: 0 }],
    launch(call) {
      activationCode(call);
      const { fields, weights } = geometry(call, dense ? 4 : 1);
      demand(call, elementCount(operand(call, 1).shape) === weights, "the weight has another size");
      const pixels = fields.outHeight * fields.outWidth;
      if (fields.batch * fields.outs * pixels === 0) return null;
      const grid = [Math.ceil(pixels / 4 / size[0]), Math.ceil(fields.outs / (dense ? 4 : 1) / size[1]), fields.batch] as const;
      demand(call, fitsGrid(grid), "more workgroups than a dispatch may have");
      return { uniform: params.pack(fields), grid };
    },
  };
}

function denseBody(type: string, biased: boolean, activation: unknown): string {
  return `${origins}
  let panel = i32(id.y);
  if (first >= pixels || panel * 4 >= outs) { return; }
  var at = panel * ins * kernelY * kernelX;
  ${lanes.map((t) => `var sum${t} = vec4<f32>();`).join(" ")}
  for (var c = 0; c < ins; c++) {
    let base = (n * ins + c) * height * width;
    for (var ky = 0; ky < kernelY; ky++) {
      let dy = ky * dilationY;
      for (var kx = 0; kx < kernelX; kx++) {
        let dx = kx * dilationX;
        let weights = vec4<f32>(w[at]);
        at++;
        ${lanes.map((t) => `sum${t} += ${loads[t]} * weights;`).join("\n        ")}
      }
    }
  }
  var sums = array<vec4<f32>, 4>(${lanes.map((t) => `sum${t}`).join(", ")});
  for (var j = 0; j < min(4, outs - panel * 4); j++) {
    let channel = panel * 4 + j;
    for (var t = 0; t < min(4, pixels - first); t++) {
      let v = sums[t][j]${biased ? " + f32(bias[channel])" : ""};
      y_out[(n * outs + channel) * pixels + first + t] = ${type}(${activated("v", activation)});
    }
  }`;
}

function groupedBody(type: string, biased: boolean, activation: unknown): string {
  return `${origins}
  let channel = i32(id.y);
  if (first >= pixels || channel >= outs) { return; }
  let perGroup = ins / groups;
  let firstIn = channel / (outs / groups) * perGroup;
  var at = channel * perGroup * kernelY * kernelX;
  var sums = vec4<f32>();
  for (var c = 0; c < perGroup; c++) {
    let base = (n * ins + firstIn + c) * height * width;
    for (var ky = 0; ky < kernelY; ky++) {
      let dy = ky * dilationY;
      for (var kx = 0; kx < kernelX; kx++) {
        let dx = kx * dilationX;
        sums += vec4<f32>(${loads.join(", ")}) * f32(w[at]);
        at++;
      }
    }
  }
  for (var t = 0; t < min(4, pixels - first); t++) {
    let v = sums[t]${biased ? " + f32(bias[channel])" : ""};
    y_out[(n * outs + channel) * pixels + first + t] = ${type}(${activated("v", activation)});
  }`;
}

export const convKernels: readonly WebGpuKernel[] = [
  { id: "conv", programs: (step) => [program("dense", step)], work },
  { id: "conv_grouped", programs: (step) => [program("grouped", step)], work },
];
