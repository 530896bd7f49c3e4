/** @file Max and average pooling over one or two spatial axes: one invocation per result element. */
import { span } from "../../../limits.ts";
import { boolAttr, demand, operand, result, type StepShapes } from "../../../step/step.ts";
import { kernelSize, plane, windowSteps } from "../../../step/window.ts";
import { elementCount } from "../../../tensor.ts";
import type { Program, StepTypes, WebGpuKernel } from "../kernel.ts";
import { eachIndex, floatType, gridFor, Params, shader } from "../wgsl.ts";

const params = new Params(
  ...(["count", "height", "width", "outHeight", "outWidth", "kernelY", "kernelX", "strideY", "strideX"] as const),
  ...(["beginY", "beginX", "endY", "endX", "dilationY", "dilationX", "countPad"] as const),
);

/** -inf in a `let` would be a constant expression, which WGSL refuses: the first element inside starts the maximum. */
const bodies = {
  max: {
    start: "var best = 0.0; var found = false;",
    each: "if (!found || v > best || v != v) { best = v; found = true; } if (v != v) { nan = v; isNan = true; }",
    end: "select(best, nan, isNan)",
    extra: "var nan = 0.0; var isNan = false;",
  },
  avg: {
    start: "var sum = 0.0; var inside = 0;",
    each: "sum += v; inside++;",
    end: "sum / f32(select(inside, padded, countPad != 0))",
    extra: "",
  },
} as const;

/** What an `avg` window covers of the image and its declared padding. */
const padded = `
  let padded = (min(y0 + kernelY, height + endY) - y0) * (min(x0 + kernelX, width + endX) - x0);`;

function program(kind: "max" | "avg", step: StepTypes): Program {
  const type = floatType(step.results[0]?.dtype ?? "f32");
  const { start, each, end, extra } = bodies[kind];
  return {
    key: `${kind}_pool ${type}`,
    code: shader({
      bindings: [
        { name: "image", of: type },
        { name: "pooled", of: type, write: true },
      ],
      params,
      body: `${eachIndex}
  let y0 = i / outWidth % outHeight * strideY - beginY;
  let x0 = i % outWidth * strideX - beginX;
  let base = i / (outWidth * outHeight) * height * width;
  ${start} ${extra}
  for (var ky = 0; ky < kernelY; ky++) {
    let y = y0 + ky * dilationY;
    if (y < 0 || y >= height) { continue; }
    for (var kx = 0; kx < kernelX; kx++) {
      let x = x0 + kx * dilationX;
      if (x < 0 || x >= width) { continue; }
      let v = f32(image[base + y * width + x]);
      ${each}
    }
  }${kind === "avg" ? padded : ""}
  pooled[i] = ${type}(${end});`,
    }),
    buffers: [{ operand: 0 }, { result: 0 }],
    launch(call) {
      const [x, y] = [operand(call, 0).shape, result(call).shape];
      demand(call, x.length === y.length && x[0] === y[0] && x[1] === y[1], "x and the result differ in batch or channels");
      const [image, output, kernel] = [plane(call, x), plane(call, y), kernelSize(call, x.length - 2)];
      const { stride, begin, end: after, dilation } = windowSteps(call, x.length - 2);
      const count = elementCount(y);
      if (count === 0) return null;
      const fields = {
        ...{ count, height: image.y, width: image.x, outHeight: output.y, outWidth: output.x, kernelY: kernel.y, kernelX: kernel.x },
        ...{ strideY: stride.y, strideX: stride.x, beginY: begin.y, beginX: begin.x, endY: after.y, endX: after.x },
        ...{ dilationY: dilation.y, dilationX: dilation.x, countPad: boolAttr(call, "count_pad") ? 1 : 0 },
      };
      return { uniform: params.pack(fields), grid: gridFor(count) };
    },
  };
}

function work(call: StepShapes): number {
  const kernel = kernelSize(call, operand(call, 0).shape.length - 2);
  return span(result(call).shape) * kernel.y * kernel.x;
}

export const windowKernels: readonly WebGpuKernel[] = [
  { id: "max_pool", programs: (step) => [program("max", step)], work },
  { id: "avg_pool", programs: (step) => [program("avg", step)], work },
];
