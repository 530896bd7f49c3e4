/** @file Small networks with seeded weights, written layer by layer: what calibration and the prediction benchmark measure. */
import {
  type AttrInput,
  dataConstant,
  derivedConstant,
  emptyAttrs,
  emptyFunction,
  emptyModule,
  type Module,
  ModuleEditor,
  type Operand,
  type OpRegistry,
  tensorType,
  type ValueId,
} from "../../../ir-spec/index.ts";
import { Random } from "../../random/random.ts";

export class Net {
  readonly random: Random;
  /** The input, later whatever the caller makes of it. */
  readonly input: ValueId = 0;
  private readonly editor: ModuleEditor;
  private readonly body: ReturnType<ModuleEditor["function"]>;
  private count = 0;

  constructor(name: string, registry: OpRegistry, input: readonly number[], seed = 1) {
    this.random = new Random(seed);
    const type = tensorType("f32", input);
    const base = { ...emptyModule(name), functions: new Map([["main", emptyFunction("main", [{ name: "x", type }])]]) };
    this.editor = new ModuleEditor(base, registry);
    this.body = this.editor.function("main");
  }

  shape(value: Operand): readonly number[] {
    return this.body.typeOf(value).shape.map(Number);
  }

  one(op: string, operands: readonly Operand[], attrs: AttrInput = {}): ValueId {
    return this.body.one(op, operands, attrs);
  }

  scalar(value: number): Operand {
    return this.body.scalar(value, "f32");
  }

  /** Normal values with variance 1 / fan-in, so that activations keep their size however deep the network is. */
  weight(...shape: readonly number[]): string {
    const count = shape.reduce((n, d) => n * d, 1);
    const spread = 1 / Math.sqrt(Math.max(1, count / (shape[0] ?? 1)));
    return this.constant(shape, () => spread * this.random.normal());
  }

  constant(shape: readonly number[], value: () => number): string {
    const name = `w${this.count++}`;
    const values = Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, value);
    this.editor.setConstant(dataConstant(name, tensorType("f32", shape), new Uint8Array(values.buffer)));
    return name;
  }

  indices(values: readonly number[]): string {
    const name = `w${this.count++}`;
    this.editor.setConstant(
      dataConstant(name, tensorType("i64", [values.length]), new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer)),
    );
    return name;
  }

  /** Any number of spatial axes; padding keeps the size of a stride of 1 where the kernel is odd. */
  conv(x: ValueId, outs: number, kernel: number, options: ConvOptions = {}): ValueId {
    const { stride = 1, groups = 1, activation = "none", pad = (kernel - 1) >> 1, bias = true } = options;
    const [, ins = 1, ...spatial] = this.shape(x);
    const each = (value: number) => spatial.map(() => value);
    const weight = this.weight(outs, ins / groups, ...each(kernel));
    const attrs = { stride: each(stride), pad: [...each(pad), ...each(pad)], groups, activation };
    return this.one("nn.conv", [x, weight, bias ? this.weight(outs) : null], attrs);
  }

  depthwise(x: ValueId, kernel: number, options: ConvOptions = {}): ValueId {
    const channels = this.shape(x)[1] ?? 1;
    return this.conv(x, channels, kernel, { ...options, groups: channels });
  }

  linear(x: ValueId, outs: number, activation = "none"): ValueId {
    return this.one("nn.linear", [x, this.weight(outs, this.shape(x).at(-1) ?? 1), this.weight(outs)], { activation });
  }

  /** The value rounded to bytes and back, as quantized graphs have it between two layers. */
  rounded(x: ValueId, scale = 0.02): ValueId {
    const [by, zero] = [this.scale(scale), this.integers("i8", [], () => 3)];
    return this.one("quant.dequantize", [this.one("quant.quantize", [x, by, zero]), by, zero]);
  }

  /** A weight of bytes with one scale, dequantized. */
  byteWeight(...shape: readonly number[]): string {
    const codes = this.integers("i8", shape, () => this.random.int(200) - 100);
    const name = `w${this.count++}`;
    this.editor.setConstant(
      derivedConstant(name, tensorType("f32", shape), "quant.dequantize", [codes, this.scale(0.01), null], emptyAttrs),
    );
    return name;
  }

  /** As `conv`, with bytes for weights and activations. */
  byteConv(x: ValueId, outs: number, kernel: number, options: ConvOptions = {}): ValueId {
    const { stride = 1, groups = 1, activation = "none", pad = (kernel - 1) >> 1 } = options;
    const [, ins = 1, ...spatial] = this.shape(x);
    const each = (value: number) => spatial.map(() => value);
    const attrs = { stride: each(stride), pad: [...each(pad), ...each(pad)], groups, activation };
    return this.rounded(this.one("nn.conv", [x, this.byteWeight(outs, ins / groups, ...each(kernel)), null], attrs));
  }

  byteLinear(x: ValueId, outs: number): ValueId {
    return this.rounded(this.one("nn.linear", [x, this.byteWeight(outs, this.shape(x).at(-1) ?? 1), null]));
  }

  private scale(value: number): string {
    return this.constant([], () => value);
  }

  private integers(dtype: "i8", shape: readonly number[], value: () => number): string {
    const name = `w${this.count++}`;
    const values = Int8Array.from({ length: shape.reduce((n, d) => n * d, 1) }, value);
    this.editor.setConstant(dataConstant(name, tensorType(dtype, shape), new Uint8Array(values.buffer)));
    return name;
  }

  reshape(x: ValueId, ...shape: readonly number[]): ValueId {
    return this.one("shape.reshape", [x], { shape });
  }

  finish(result: ValueId): Module {
    this.body.setResults([{ name: "y", operand: result }]);
    return this.editor.freeze();
  }
}

export interface ConvOptions {
  readonly stride?: number;
  readonly groups?: number;
  readonly activation?: string;
  readonly pad?: number;
  readonly bias?: boolean;
}
