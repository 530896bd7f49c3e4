/** @file Random networks of one quantized op, with codes as inputs and outputs, for the test that compares the float and the integer form. */

import { deriveConstant } from "../../compiler/index.ts";
import { Random } from "../../compiler/random/random.ts";
import {
  type AttrInput,
  type DType,
  dataConstant,
  emptyFunction,
  emptyModule,
  encodeTensor,
  type HostTensor,
  hostTensor,
  type Module,
  ModuleEditor,
  tensorType,
  type ValueId,
} from "../../ir-spec/index.ts";
import { registry } from "../passes/support.ts";

export interface ClusterCase {
  readonly module: Module;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  readonly op: string;
}

type Bytes = "i8" | "u8";

/** Draws sizes, scales, zero points and codes. */
class Draw {
  readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  int(least: number, most: number): number {
    return least + Math.floor(this.random.float() * (most - least + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T;
  }

  /** Near `middle`, over two octaves. */
  scale(middle: number): number {
    return Math.fround(middle * 2 ** (this.random.float() * 2 - 1));
  }

  codes(dtype: Bytes, shape: readonly number[]): HostTensor {
    const count = shape.reduce((n, size) => n * size, 1);
    const [least, most] = range(dtype);
    const values = Array.from({ length: count }, () => this.int(least, most));
    return hostTensor(dtype, shape, dtype === "i8" ? Int8Array.from(values) : Uint8Array.from(values));
  }

  zero(dtype: Bytes): number {
    return this.int(...range(dtype));
  }
}

function range(dtype: Bytes): readonly [number, number] {
  return dtype === "i8" ? [-128, 127] : [0, 255];
}

class Net {
  readonly draw: Draw;
  readonly editor: ModuleEditor;
  readonly inputs: Record<string, HostTensor> = {};
  private readonly scales: number[] = [];

  constructor(seed: number, shapes: readonly (readonly number[])[]) {
    this.draw = new Draw(seed * 31 + 7);
    shapes.forEach((shape, i) => {
      this.inputs[`x${i}`] = this.draw.codes(this.draw.pick(["i8", "u8"] as const), shape);
    });
    const params = Object.entries(this.inputs).map(([name, { dtype, shape }]) => ({ name, type: tensorType(dtype, shape) }));
    this.editor = new ModuleEditor({ ...emptyModule("net"), functions: new Map([["main", emptyFunction("main", params)]]) }, registry);
  }

  get body() {
    return this.editor.function();
  }

  data(name: string, tensor: HostTensor): string {
    this.editor.setConstant(dataConstant(name, tensorType(tensor.dtype, tensor.shape), encodeTensor(tensor)));
    return name;
  }

  /** Input i as floats. */
  dequantized(i: number): ValueId {
    const dtype = this.inputs[`x${i}`]?.dtype as Bytes;
    const scale = this.draw.scale(0.05);
    this.scales[i] = scale;
    const operands = [i, this.data(`x${i}.s`, scalar("f32", scale)), this.data(`x${i}.z`, scalar(dtype, this.draw.zero(dtype)))];
    return this.body.one("quant.dequantize", operands);
  }

  scaleOf(i: number): number {
    return this.scales[i] ?? 1;
  }

  /** Weight [out, ...]: i8 codes per channel, per tensor, or i4. */
  weight(shape: readonly number[]): string {
    const { draw, editor } = this;
    const four = draw.pick([false, false, true]);
    const count = shape.reduce((n, size) => n * size, 1);
    const values = Int8Array.from({ length: count }, () => (four ? draw.int(-7, 7) : draw.int(-127, 127)));
    const codes = this.data("w.q", hostTensor(four ? "i4" : "i8", shape, values));
    const channels = draw.pick([true, false]) ? (shape[0] ?? 1) : null;
    const scales = Float32Array.from({ length: channels ?? 1 }, () => draw.scale(four ? 0.1 : 0.01));
    const scale = this.data("w.s", hostTensor("f32", channels === null ? [] : [channels], scales));
    return deriveConstant(editor, "w", "quant.dequantize", [codes, scale, null], channels === null ? {} : { axis: 0 });
  }

  bias(out: number): string | null {
    if (this.draw.pick([true, false])) return null;
    return this.data(
      "b",
      hostTensor(
        "f32",
        [out],
        Float32Array.from({ length: out }, () => this.draw.random.normal()),
      ),
    );
  }

  /** relu or clip or nothing, then codes with a scale of about `step`. */
  finish(value: ValueId, step: number, op: string): ClusterCase {
    const { draw } = this;
    const tail = draw.pick(["none", "none", "math.relu", "math.clip"]);
    const clipped = tail === "none" ? value : this.body.one(tail, [value], tail === "math.clip" ? { min: -step * 40, max: step * 60 } : {});
    const dtype = draw.pick(["i8", "u8"] as const);
    const params = [this.data("y.s", scalar("f32", draw.scale(step))), this.data("y.z", scalar(dtype, draw.zero(dtype)))];
    const codes = this.body.one("quant.quantize", [clipped, ...params], { to: dtype });
    this.body.setResults([{ name: "y", operand: codes }]);
    return { module: this.editor.freeze(), inputs: this.inputs, op };
  }
}

function scalar(dtype: DType, value: number): HostTensor {
  const data = dtype === "f32" ? Float32Array.of(value) : dtype === "i8" ? Int8Array.of(value) : Uint8Array.of(value);
  return hostTensor(dtype, [], data);
}

const activations = ["none", "relu", "relu6"] as const;

const makers: readonly ((seed: number, draw: Draw) => ClusterCase)[] = [
  (seed, draw) => {
    const [inputs, out] = [draw.int(1, 40), draw.int(1, 5)];
    const net = new Net(seed, [[draw.int(1, 3), inputs]]);
    const y = net.body.one("nn.linear", [net.dequantized(0), net.weight([out, inputs]), net.bias(out)], {
      activation: draw.pick(activations),
    });
    return net.finish(y, 0.02 * Math.sqrt(inputs), "int.linear");
  },
  (seed, draw) => {
    const [groups, out, kernel] = [draw.int(1, 2), draw.int(1, 3), draw.int(1, 3)];
    const channels = groups * draw.int(1, 3);
    const net = new Net(seed, [[draw.int(1, 2), channels, draw.int(3, 6), draw.int(3, 6)]]);
    const attrs: AttrInput = {
      stride: [draw.int(1, 2), draw.int(1, 2)],
      pad: [draw.int(0, 1), draw.int(0, 2), draw.int(0, 1), draw.int(0, 2)],
      groups,
      activation: draw.pick(activations),
    };
    const weight = net.weight([out * groups, channels / groups, kernel, kernel]);
    const y = net.body.one("nn.conv", [net.dequantized(0), weight, net.bias(out * groups)], attrs);
    return net.finish(y, 0.02 * kernel * Math.sqrt(channels / groups), "int.conv");
  },
  (seed, draw) => {
    const shape = [draw.int(1, 3), draw.int(1, 5), draw.int(1, 4)];
    const net = new Net(seed, [shape, draw.pick([shape, shape.slice(1), [1]])]);
    return net.finish(net.body.one("math.add", [net.dequantized(0), net.dequantized(1)]), 0.08, "int.add");
  },
  (seed, draw) => {
    const net = new Net(seed, [[1, draw.int(1, 3), 6, 6]]);
    const kernel = [draw.int(1, 3), draw.int(1, 3)];
    const pad = draw.pick([
      { pad: [0, 0, 0, 0], count_pad: false },
      { pad: [0, 0, 0, 0], count_pad: true },
    ]);
    return net.finish(
      net.body.one("nn.avg_pool", [net.dequantized(0)], { kernel, stride: [draw.int(1, 2), 1], ...pad }),
      0.04,
      "int.avg_pool",
    );
  },
  (seed, draw) => {
    const net = new Net(seed, [[2, draw.int(1, 3), draw.int(1, 6), draw.int(1, 6)]]);
    const attrs = { axes: draw.pick([[2, 3], [-1], [1, 2, 3]]), keepdims: draw.pick([true, false]) };
    return net.finish(net.body.one("reduce.mean", [net.dequantized(0)], attrs), 0.03, "int.mean");
  },
  (seed, draw) => {
    const net = new Net(seed, [
      [2, draw.int(1, 4), 3],
      [2, draw.int(1, 4), 3],
    ]);
    return net.finish(net.body.one("shape.concat", [net.dequantized(0), net.dequantized(1)], { axis: 1 }), 0.05, "shape.concat");
  },
  (seed, draw) => {
    const net = new Net(seed, [[1, 2, 5, 5]]);
    const attrs = { kernel: [2, 3], stride: [1, 2], pad: draw.pick([[], [1, 1, 1, 1]]) };
    return net.finish(net.body.one("nn.max_pool", [net.dequantized(0)], attrs), 0.05, "nn.max_pool");
  },
  (seed, draw) => {
    const net = new Net(seed, [[3, 17]]);
    const op = draw.pick(["math.sigmoid", "math.tanh", "math.exp", "math.leaky_relu", "math.abs"]);
    return net.finish(net.body.one(op, [net.dequantized(0)]), 0.02, "int.lookup");
  },
  (seed) => {
    const net = new Net(seed, [[3, 17]]);
    return net.finish(net.dequantized(0), 0.05, "int.requantize");
  },
];

/** The case of a seed: ops take turns. */
export function clusterCase(seed: number): ClusterCase {
  const make = makers[seed % makers.length] as (typeof makers)[number];
  return make(seed, new Draw(seed));
}
