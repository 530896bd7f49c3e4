/** @file Random networks of core ops as text: images through layers, pools, element-wise ops, quantized pairs and movements, then vectors. Weights are plain, quantized, grouped or transposed. */
import { type Seeded, seeded } from "../support/seeded.ts";

interface Image {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export interface RandomNetwork {
  readonly main: string;
  readonly constants: string;
  /** Sizes of the input after the batch. */
  readonly input: readonly number[];
}

class Writer {
  readonly lines: string[] = [];
  readonly constants: string[] = [];
  readonly random: Seeded;
  private values = 0;
  private names = 0;

  constructor(random: Seeded) {
    this.random = random;
  }

  op(call: string): string {
    const name = `%${this.values++}`;
    this.lines.push(`${name} = ${call}`);
    return name;
  }

  /** A constant by what stands behind its type. */
  constant(type: string, definition = `random(${this.random.int(1, 1e6)})`): string {
    const name = `@k${this.names++}`;
    this.constants.push(`const ${name} : tensor<${type}> = ${definition}`);
    return name;
  }

  scale(): string {
    return this.constant("f32", String(this.random.int(1, 100) / 128));
  }

  /** A weight of that shape, axis 0 its outputs. */
  weight(sizes: readonly number[], kinds: readonly WeightKind[]): string {
    return weights[this.random.pick(kinds)](this, sizes);
  }
}

type WeightKind = keyof typeof weights;

const text = (sizes: readonly number[]) => sizes.join("x");
const scales = (w: Writer, count: number) =>
  w.constant(`${count}xf32`, `[${Array.from({ length: count }, (_, i) => (i + 1) / 64).join(", ")}]`);

const weights = {
  plain: (w: Writer, sizes: readonly number[]) => w.constant(`${text(sizes)}xf32`),
  quantized: (w: Writer, sizes: readonly number[]) => {
    const codes = w.constant(`${text(sizes)}x${w.random.pick(["i8", "i4"])}`);
    return w.constant(`${text(sizes)}xf32`, `quant.dequantize(${codes}, ${scales(w, sizes[0] ?? 1)}, _) {axis = 0}`);
  },
  centred: (w: Writer, sizes: readonly number[]) => {
    const [codes, zero] = [w.constant(`${text(sizes)}xu8`), w.constant("u8", "128")];
    return w.constant(`${text(sizes)}xf32`, `quant.dequantize(${codes}, ${w.scale()}, ${zero})`);
  },
  grouped: (w: Writer, [outs = 1, ins = 1]: readonly number[]) => {
    // One block a row is one scale per output.
    if (ins <= 16) return w.constant(`${outs}x${ins}xf32`);
    const codes = w.constant(`${outs}x${ins}xi4`);
    const blocks = Math.ceil(ins / 16);
    const scale = w.constant(`${outs}x${blocks}xf32`);
    return w.constant(`${outs}x${ins}xf32`, `quant.dequantize(${codes}, ${scale}, _) {axis = 1, block = 16}`);
  },
};

type ImageStep = (w: Writer, x: string, image: Image) => readonly [string, Image];

const activations = ["", " {activation = relu}", " {activation = relu6}"];

const imageSteps: readonly ImageStep[] = [
  (w, x, image) => {
    const outs = w.random.int(2, 6);
    const weight = w.weight([outs, image.channels, 3, 3], ["plain", "quantized", "centred"]);
    const bias = w.random.pick(["_", w.constant(`${outs}xf32`)]);
    const activation = w.random.pick(["none", "relu", "relu6"]);
    return [w.op(`nn.conv(${x}, ${weight}, ${bias}) {pad = [1, 1, 1, 1], activation = ${activation}}`), { ...image, channels: outs }];
  },
  (w, x, image) => {
    const weight = w.weight([image.channels, 1, 3, 3], ["plain", "quantized"]);
    const attrs = `{stride = [2, 1], pad = [1, 1, 1, 1], groups = ${image.channels}}`;
    return [w.op(`nn.conv(${x}, ${weight}, _) ${attrs}`), { ...image, height: Math.ceil(image.height / 2) }];
  },
  (w, x, image) => {
    if (image.width < 2 || image.height < 2) return [x, image];
    const pool = w.random.pick(["nn.max_pool", "nn.avg_pool"]);
    const pooled = { ...image, height: Math.floor(image.height / 2), width: Math.floor(image.width / 2) };
    return [w.op(`${pool}(${x}) {kernel = [2, 2], stride = [2, 2]}`), pooled];
  },
  (w, x, image) => [w.op(`math.${w.random.pick(["relu", "sigmoid", "tanh", "erf", "abs", "neg"])}(${x})`), image],
  (w, x, image) => [w.op(`math.clip(${x}) {min = -1.5, max = 2.0}`), image],
  (w, x, image) => [w.op(`math.leaky_relu(${x}) {alpha = 0.125}`), image],
  (w, x, image) => [w.op(`math.${w.random.pick(["add", "mul", "max"])}(${x}, ${w.constant(`${image.channels}x1x1xf32`)})`), image],
  (w, x, image) => [w.op(`math.add(${x}, ${w.op(`math.sigmoid(${x})`)})`), image],
  (w, x, image) => {
    const [to, zero, scale] = [w.random.pick(["i8", "u8"]), w.random.int(1, 9), w.scale()];
    const point = w.random.pick(["_", w.constant(to, String(zero))]);
    const codes = w.op(`quant.quantize(${x}, ${scale}, ${point}) {to = ${to}}`);
    return [w.op(`quant.dequantize(${codes}, ${scale}, ${point})`), image];
  },
  (w, x, image) => [w.op(`shape.transpose(${x}) {perm = [0, 1, 3, 2]}`), { ...image, height: image.width, width: image.height }],
  (w, x, image) => [w.op(`shape.concat(${x}, ${w.op(`math.neg(${x})`)}) {axis = 1}`), { ...image, channels: 2 * image.channels }],
  (w, x, image) => [
    w.op(`shape.pad(${x}) {before = [0, 0, 1, 0], after = [0, 0, 0, 2]}`),
    { ...image, height: image.height + 1, width: image.width + 2 },
  ],
  (w, x, image) =>
    image.height === 1 ? [x, image] : [w.op(`shape.slice(${x}) {starts = [0], ends = [1], axes = [2]}`), { ...image, height: 1 }],
  (w, x, image) => {
    const count = `${image.channels}xf32`;
    const parts = [w.constant(count), w.constant(count), w.constant(count), w.constant(count, "splat 0.5")];
    return [w.op(`nn.batch_norm(${x}, ${parts.join(", ")}) {epsilon = 0.0009765625}`), image];
  },
];

type VectorStep = (w: Writer, x: string, size: number) => readonly [string, number];

const vectorSteps: readonly VectorStep[] = [
  (w, x, size) => {
    const outs = w.random.int(2, 8);
    const weight = w.weight([outs, size], ["plain", "quantized", "centred", "grouped"]);
    const bias = w.random.pick(["_", w.constant(`${outs}xf32`)]);
    return [w.op(`nn.linear(${x}, ${weight}, ${bias})${w.random.pick(activations)}`), outs];
  },
  (w, x, size) => [w.op(`math.softmax(${x}) {axis = 1}`), size],
  (w, x, size) => [w.op(`math.${w.random.pick(["exp", "tanh", "relu"])}(${x})`), size],
  (w, x, size) => [w.op(`math.mul(${x}, ${w.constant(`${size}xf32`)})`), size],
  (w, x, size) => [
    w.op(`math.sub(${x}, ${w.op(`reduce.${w.random.pick(["mean", "max", "sum"])}(${x}) {axes = [1], keepdims = true}`)})`),
    size,
  ],
  (w, x, size) => [w.op(`shape.reshape(${w.op(`shape.reshape(${x}) {shape = [0, ${size}, 1]}`)}) {shape = [0, -1]}`), size],
];

export function randomNetwork(seed: number): RandomNetwork {
  const random = seeded(seed);
  const w = new Writer(random);
  const start: Image = { channels: random.int(2, 4), height: random.int(3, 8), width: random.int(3, 8) };
  let [x, image]: readonly [string, Image] = ["%x", start];
  for (let i = random.int(1, 6); i > 0; i--) [x, image] = random.pick(imageSteps)(w, x, image);
  let size = image.channels * image.height * image.width;
  x = w.op(`shape.reshape(${x}) {shape = [0, ${size}]}`);
  for (let i = random.int(1, 4); i > 0; i--) [x, size] = random.pick(vectorSteps)(w, x, size);
  const { channels, height, width } = start;
  const main = `func @main(%x: tensor<Nx${channels}x${height}x${width}xf32>) -> (y: tensor<Nx${size}xf32>) {\n${w.lines.join("\n")}\nreturn ${x}\n}`;
  return { main, constants: w.constants.join("\n"), input: [channels, height, width] };
}
