/** @file Transformer encoders (Vaswani et al., 2017), a vision transformer (Dosovitskiy et al., 2021) and an MLP-Mixer (Tolstikhin et al., 2021); layer norm and GELU from small ops, as importers leave them. */
import { Net } from "../../compiler/cost/calibration/net.ts";
import type { ValueId } from "../../ir-spec/index.ts";
import type { Family } from "./index.ts";

function norm(net: Net, x: ValueId): ValueId {
  const axis = net.shape(x).length - 1;
  const centred = net.one("math.sub", [x, net.one("reduce.mean", [x], { axes: [axis], keepdims: true })]);
  const variance = net.one("reduce.mean", [net.one("math.mul", [centred, centred])], { axes: [axis], keepdims: true });
  const deviation = net.one("math.sqrt", [net.one("math.add", [variance, net.scalar(1e-5)])]);
  const width = net.shape(x).at(-1) ?? 1;
  const scaled = net.one("math.mul", [net.one("math.div", [centred, deviation]), net.constant([width], () => 1)]);
  return net.one("math.add", [scaled, net.constant([width], () => 0)]);
}

function gelu(net: Net, x: ValueId): ValueId {
  const inner = net.one("math.erf", [net.one("math.mul", [x, net.scalar(Math.SQRT1_2)])]);
  return net.one("math.mul", [net.one("math.mul", [x, net.one("math.add", [inner, net.scalar(1)])]), net.scalar(0.5)]);
}

function heads(net: Net, x: ValueId, count: number, perm: readonly number[]): ValueId {
  const [, tokens = 1, width = 1] = net.shape(x);
  return net.one("shape.transpose", [net.reshape(x, 1, tokens, count, width / count)], { perm });
}

function attention(net: Net, x: ValueId, count: number): ValueId {
  const [, tokens = 1, width = 1] = net.shape(x);
  const [q, k, v] = [
    heads(net, net.linear(x, width), count, [0, 2, 1, 3]),
    heads(net, net.linear(x, width), count, [0, 2, 3, 1]),
    heads(net, net.linear(x, width), count, [0, 2, 1, 3]),
  ];
  const scores = net.one("math.mul", [net.one("nn.matmul", [q, k]), net.scalar(1 / Math.sqrt(width / count))]);
  const mixed = net.one("nn.matmul", [net.one("math.softmax", [scores], { axis: 3 }), v]);
  const joined = net.reshape(net.one("shape.transpose", [mixed], { perm: [0, 2, 1, 3] }), 1, tokens, width);
  return net.linear(joined, width);
}

function layer(net: Net, x: ValueId, count: number): ValueId {
  const width = net.shape(x).at(-1) ?? 1;
  const attended = net.one("math.add", [x, attention(net, norm(net, x), count)]);
  return net.one("math.add", [attended, net.linear(gelu(net, net.linear(norm(net, attended), 4 * width)), width)]);
}

function encoder(name: string, tokens: number, width: number, layers: number, count: number): Family[string] {
  return (registry) => {
    const net = new Net(name, registry, [1, tokens, width]);
    let x: ValueId = net.input;
    for (let i = 0; i < layers; i++) x = layer(net, x, count);
    return net.finish(norm(net, x));
  };
}

export const transformer: Family = {
  "encoder-64x128": encoder("encoder", 64, 128, 4, 4),
  "encoder-128x256": encoder("encoder", 128, 256, 3, 8),
  "vit-tiny-64": (registry) => {
    const net = new Net("vit", registry, [1, 3, 64, 64]);
    const patches = net.reshape(net.conv(net.input, 96, 8, { stride: 8, pad: 0 }), 1, 96, 64);
    let x = net.one("math.add", [net.one("shape.transpose", [patches], { perm: [0, 2, 1] }), net.weight(1, 64, 96)]);
    for (let i = 0; i < 4; i++) x = layer(net, x, 3);
    return net.finish(net.linear(net.one("reduce.mean", [norm(net, x)], { axes: [1], keepdims: false }), 100));
  },
  "mixer-64": (registry) => {
    const net = new Net("mixer", registry, [1, 64, 128]);
    let x: ValueId = net.input;
    const turn = (value: ValueId) => net.one("shape.transpose", [value], { perm: [0, 2, 1] });
    for (let i = 0; i < 4; i++) {
      x = net.one("math.add", [x, turn(net.linear(gelu(net, net.linear(turn(norm(net, x)), 128)), 64))]);
      x = net.one("math.add", [x, net.linear(gelu(net, net.linear(norm(net, x), 512)), 128)]);
    }
    return net.finish(net.linear(net.one("reduce.mean", [x], { axes: [1], keepdims: false }), 10));
  },
};
