/**
 * @file The bundled network, a LeNet in miniature (LeCun et al., 1998): two convolutions and two linear layers, 37,610 weights, most of them in `fc1`
 * where pruning and sharing show. Takes pixels 0 .. 255 as they come; the first op scales them, so no caller can forget to.
 */

import { readModule } from "../../compiler/text/index.ts";
import type { Module, OpRegistry } from "../../ir-spec/index.ts";

const text = `tersor 1.0

/// Recognizes the digits that the \`digits\` data set draws. Made by examples/digits/train.ts.
module @digits_cnn {
  func @main(%image: tensor<Nx1x28x28xf32>) -> (probs: tensor<Nx10xf32>) {
    %scaled = math.mul(%image, @scale)
    %conv1 = nn.conv(%scaled, @conv1.weight, @conv1.bias)
    %relu1 = math.relu(%conv1)
    %pool1 = nn.max_pool(%relu1) {kernel = [2, 2], stride = [2, 2]}
    %conv2 = nn.conv(%pool1, @conv2.weight, @conv2.bias)
    %relu2 = math.relu(%conv2)
    %pool2 = nn.max_pool(%relu2) {kernel = [2, 2], stride = [2, 2]}
    %features = shape.reshape(%pool2) {shape = [0, -1]}
    %fc1 = nn.linear(%features, @fc1.weight, @fc1.bias)
    %relu3 = math.relu(%fc1)
    %logits = nn.linear(%relu3, @fc2.weight, @fc2.bias)
    %probs = math.softmax(%logits) {axis = 1}
    return %probs
  }

  const @scale : tensor<f32> = 0.003921569
  const @conv1.weight : tensor<8x1x5x5xf32> = splat 0.0
  const @conv1.bias : tensor<8xf32> = splat 0.0
  const @conv2.weight : tensor<16x8x5x5xf32> = splat 0.0
  const @conv2.bias : tensor<16xf32> = splat 0.0
  const @fc1.weight : tensor<128x256xf32> = splat 0.0
  const @fc1.bias : tensor<128xf32> = splat 0.0
  const @fc2.weight : tensor<10x128xf32> = splat 0.0
  const @fc2.bias : tensor<10xf32> = splat 0.0
}
`;

/** The network before training: every weight zero. */
export function digitsNetwork(registry: OpRegistry): Module {
  return readModule(text, { registry, file: "examples/digits/network.ts" });
}
