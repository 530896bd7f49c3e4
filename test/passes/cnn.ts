/** @file A small CNN with batch norms, with the slack that importers leave: identity reshapes, additions of zero, separate relus and biases. */
import { Random } from "../../compiler/random/random.ts";
import { dataConstant, encodeTensor, hostTensor, type Module } from "../../ir-spec/index.ts";
import { readBody } from "./support.ts";

const text = `  func @main(%image: tensor<Nx2x8x8xf32>) -> (scores: tensor<Nx10xf32>) {
    %0 = nn.conv(%image, @c1.w, _) {pad = [1, 1, 1, 1]}
    %1 = nn.batch_norm(%0, @n1.scale, @n1.shift, @n1.mean, @n1.variance) {epsilon = 0.001}
    %2 = math.relu(%1)
    %3 = nn.conv(%2, @c2.w, @c2.b) {stride = [2, 2]}
    %4 = nn.batch_norm(%3, @n2.scale, @n2.shift, @n2.mean, @n2.variance)
    %5 = math.clip(%4) {min = 0.0, max = 6.0}
    %6 = math.add(%5, @zero)
    %7 = math.add(%5, @zero)
    %8 = math.add(%6, %7)
    %9 = shape.reshape(%8) {shape = [dim[N], 54]}
    %10 = shape.reshape(%9) {shape = [dim[N], 54]}
    %11 = math.mul(@fc1.half, @two)
    %12 = nn.matmul(%10, %11)
    %13 = math.add(%12, @fc1.b)
    %14 = math.relu(%13)
    %scores = nn.linear(%14, @fc2.w, @fc2.b)
    return %scores
  }
  const @zero : tensor<f32> = 0.0
  const @two : tensor<f32> = 2.0
  ${parameters()}`;

function parameters(): string {
  const sizes = {
    "c1.w": "8x2x3x3",
    "c2.w": "6x8x3x3",
    "c2.b": "6",
    "fc1.half": "54x32",
    "fc1.b": "32",
    "fc2.w": "10x32",
    "fc2.b": "10",
    ...Object.fromEntries(
      ["scale", "shift", "mean", "variance"].flatMap((p) => [
        [`n1.${p}`, "8"],
        [`n2.${p}`, "6"],
      ]),
    ),
  };
  return Object.entries(sizes)
    .map(([name, size]) => `const @${name} : tensor<${size}xf32> = splat 1.0`)
    .join("\n  ");
}

/** Parameters are drawn from the seed: normal-like weights, positive variances. */
export function smallCnn(seed = 1): Module {
  const module = readBody(text);
  const random = new Random(seed);
  const constants = new Map(module.constants);
  for (const constant of module.constants.values()) {
    if (constant.name === "zero" || constant.name === "two") continue;
    const shape = constant.type.shape.map(Number);
    const values = Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => {
      const normal = (random.float() + random.float() + random.float() - 1.5) * 0.6;
      return constant.name.endsWith("variance") ? 0.5 + Math.abs(normal) : normal;
    });
    constants.set(constant.name, dataConstant(constant.name, constant.type, encodeTensor(hostTensor("f32", shape, values))));
  }
  return { ...module, constants };
}
