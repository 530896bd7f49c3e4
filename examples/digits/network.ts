/**
 * @file The bundled network: LeNet-5 in the shape that Caffe's example gave it (Jia et al., "Caffe", 2014, after LeCun et al., 1998), 431,080 weights: two
 * convolutions with nothing but max-pooling behind them, then two linear layers with one ReLU between, 93 % of the weights in `fc1`. The network that
 * the literature on compression compares. Takes pixels 0 .. 255 as they come; the first op scales them, so no caller can forget to.
 */

import { readModule } from "../../compiler/text/index.ts";
import type { Module, OpRegistry } from "../../ir-spec/index.ts";

const text = `tersor 1.0

/// LeNet-5 in Caffe's shape. Recognizes the digits that the \`digits\` data set draws. Made by examples/digits/train.ts.
module @lenet5 {
  func @main(%image: tensor<Nx1x28x28xf32>) -> (probs: tensor<Nx10xf32>) {
    %scaled = math.mul(%image, @scale)
    %conv1 = nn.conv(%scaled, @conv1.weight, @conv1.bias)
    %pool1 = nn.max_pool(%conv1) {kernel = [2, 2], stride = [2, 2]}
    %conv2 = nn.conv(%pool1, @conv2.weight, @conv2.bias)
    %pool2 = nn.max_pool(%conv2) {kernel = [2, 2], stride = [2, 2]}
    %features = shape.reshape(%pool2) {shape = [0, -1]}
    %fc1 = nn.linear(%features, @fc1.weight, @fc1.bias)
    %relu1 = math.relu(%fc1)
    %logits = nn.linear(%relu1, @fc2.weight, @fc2.bias)
    %probs = math.softmax(%logits) {axis = 1}
    return %probs
  }

  const @scale : tensor<f32> = 0.003921569
  const @conv1.weight : tensor<20x1x5x5xf32> = splat 0.0
  const @conv1.bias : tensor<20xf32> = splat 0.0
  const @conv2.weight : tensor<50x20x5x5xf32> = splat 0.0
  const @conv2.bias : tensor<50xf32> = splat 0.0
  const @fc1.weight : tensor<500x800xf32> = splat 0.0
  const @fc1.bias : tensor<500xf32> = splat 0.0
  const @fc2.weight : tensor<10x500xf32> = splat 0.0
  const @fc2.bias : tensor<10xf32> = splat 0.0
}
`;

/** The network before training: every weight zero. */
export function digitsNetwork(registry: OpRegistry): Module {
  return readModule(text, { registry, file: "examples/digits/network.ts" });
}
