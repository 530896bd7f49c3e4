/**
 * @file The module's constants in the graph, each written when it is first asked for. Data is an initializer with the bytes it has (a NaN's payload included). A definition is a
 * `DequantizeLinear` where it is one, else it is evaluated; with `decode` it becomes the nodes that compute it.
 */
import {
  type Constant,
  constantBytes,
  countOf,
  type DType,
  encodeTensor,
  evaluateConstant,
  type HostTensor,
  hostTensor,
  type Module,
  type OpRegistry,
  staticShape,
} from "../../../ir-spec/index.ts";
import { attribute, type GraphBuilder } from "./builder.ts";
import type { ExportRow, WrittenNBits } from "./call.ts";
import { carrierOf, dataType, storedCodes, widen } from "./dtypes.ts";
import { ExportFailure } from "./errors.ts";
import { nbitsWeight } from "./nbits.ts";
import type { Sizes } from "./sizes.ts";
import { type QuantizedWeight, quantizedWeight, unsignedCodes } from "./weights.ts";
import { writeOp } from "./wide.ts";

/** See `ExportOptions.weights`. */
export const weightStyles = ["qdq", "qdq-signed", "nbits", "dense", "decode"] as const;
export type WeightStyle = (typeof weightStyles)[number];

/** A constant that another ModelProto brings as an initializer. */
export interface OutsideInitializer {
  /** Of the initializer. The constant's name, numbered where an input, output or other constant has it. */
  readonly name: string;
  readonly constant: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface ConstantOptions {
  readonly module: Module;
  readonly registry: OpRegistry;
  readonly weights: WeightStyle;
  /** Write 8-bit codes of quantized weights unsigned. */
  readonly unsigned: boolean;
  /** Names of the constants that stay outside; null: all are written. */
  readonly outside: ReadonlySet<string> | null;
  readonly rows: ReadonlyMap<string, ExportRow>;
}

type Derived = Constant & { readonly kind: "derived" };

export class ConstantWriter {
  /** In the order in which the graph came to need them. */
  readonly outside: OutsideInitializer[] = [];
  private readonly options: ConstantOptions;
  private readonly builder: GraphBuilder;
  private readonly sizes: Sizes;
  private readonly names = new Map<string, string>();
  private readonly written = new Set<string>();
  private readonly stored = new Map<string, string>();
  private readonly values = new Map<string, HostTensor>();
  private readonly packed = new Map<string, WrittenNBits | null>();

  constructor(options: ConstantOptions, builder: GraphBuilder, sizes: Sizes) {
    [this.options, this.builder, this.sizes] = [options, builder, sizes];
  }

  /** Keeps the constant's name for it. */
  reserve(name: string): void {
    if (!this.names.has(name)) this.names.set(name, this.builder.names.fresh(name));
  }

  /** ONNX name of the constant. @throws ExportFailure, and TersorError where the value cannot be had */
  use(name: string): string {
    this.reserve(name);
    const target = this.names.get(name) ?? name;
    if (this.written.has(name)) return target;
    this.written.add(name);
    this.write(this.constant(name), target);
    return target;
  }

  value(name: string): HostTensor {
    return evaluateConstant(this.options.module, this.options.registry, name, this.values);
  }

  /** The weight for `MatMulNBits`, its tensors written; null where it has no such form, or is not to be written so. */
  nbits(name: string): WrittenNBits | null {
    const { module, registry, weights, outside } = this.options;
    if (weights !== "nbits" || outside !== null) return null;
    const present = this.packed.get(name);
    if (present !== undefined) return present;
    const found = quantizedWeight(name, { module, registry, cache: this.values });
    const weight = found && nbitsWeight(found);
    const part = (base: string, tensor: HostTensor) => this.part(base, tensor, tensor.dtype, `${name} in blocks`);
    const made: WrittenNBits | null = weight && {
      weight,
      names: [
        part(found.names.codes, weight.codes),
        part(found.names.scale, weight.scales),
        weight.zeros ? part(found.names.zero ?? `${found.names.codes}.zero`, weight.zeros) : "",
      ],
    };
    this.packed.set(name, made);
    return made;
  }

  private constant(name: string): Constant {
    const constant = this.options.module.constants.get(name);
    if (!constant) throw new ExportFailure("E1002", `there is no constant @${name}`);
    return constant;
  }

  private write(constant: Constant, name: string): void {
    const { dtype } = constant.type;
    const shape = staticShape(constant.type.shape) ?? [];
    const { outside, weights } = this.options;
    const carried = carrierOf(dtype, this.builder.opset) !== dtype;
    if (outside?.has(constant.name) && !carried) this.outside.push({ name, constant: constant.name, dtype, shape });
    else if (constant.kind === "data") this.store(name, dtype, shape, constantBytes(this.options.module, constant), constant.doc);
    else if (outside !== null || weights === "dense") this.dense(constant, name);
    else if (!this.defined(constant, name)) this.dense(constant, name);
  }

  /** Written by what its definition says; false where ONNX does not say it. */
  private defined(constant: Derived, name: string): boolean {
    const nodes = this.options.weights === "decode" && constant.op !== "quant.dequantize";
    return nodes ? this.decoded(constant, name) : this.quantized(constant, name);
  }

  private dense(constant: Constant, name: string): void {
    const value = this.value(constant.name);
    this.store(name, value.dtype, value.shape, encodeTensor(value), constant.doc);
  }

  /** Beside outside constants everything else is a node. */
  private store(
    name: string,
    dtype: DType,
    shape: readonly number[],
    bytes: Uint8Array,
    doc: string | null,
    to = carrierOf(dtype, this.builder.opset),
  ): void {
    const carried = widen(bytes, dtype, to, countOf(shape));
    if (this.options.outside) this.builder.constant(name, to, shape, carried);
    else this.builder.initializer(name, to, shape, carried, doc);
  }

  /** Codes and scales with a `DequantizeLinear`; false where the definition is not that, or the operator set lacks the types. */
  private quantized(constant: Derived, name: string): boolean {
    const { module, registry, unsigned } = this.options;
    const found = quantizedWeight(constant.name, { module, registry, cache: this.values });
    const brain = found?.scale.dtype === "bf16";
    const single =
      found && brain
        ? { ...found, scale: hostTensor("f32", found.scale.shape, Float32Array.from(found.scale.data as Float32Array)) }
        : found;
    const weight = single && unsigned ? unsignedCodes(single) : single;
    if (!weight || !this.hasForm(weight)) return false;
    const { codes, scale, zero, axis, block, moved, names } = weight;
    const to = storedCodes(codes.dtype, this.builder.opset);
    const zeros = zero ?? (block > 0 || codes.dtype === "i32" ? null : hostTensor(codes.dtype, scale.shape));
    const inputs = [
      this.part(names.codes, codes, to, moved ? name : ""),
      this.part(names.scale, scale, scale.dtype, moved && block > 0 ? name : ""),
      zeros ? this.part(names.zero ?? `${names.scale}.zero`, zeros, to, moved && block > 0 ? name : "") : "",
    ];
    const grain = scale.shape.length === 0 ? {} : { axis: attribute.int(axis) };
    const blocks = block > 0 ? { block_size: attribute.int(block) } : {};
    const attrs = { ...grain, ...blocks };
    // Runtimes have no scales of bf16: an 8-bit code times one is exact in f32.
    const value = brain ? this.builder.value("DequantizeLinear", inputs, attrs, `${name}/wide`) : "";
    if (brain) this.builder.node("Cast", [value], [name], { to: attribute.int(dataType("bf16")) }, { name: "", doc: constant.doc });
    else this.builder.node("DequantizeLinear", inputs, [name], attrs, { name: "", doc: constant.doc });
    return true;
  }

  /** What `DequantizeLinear` takes in this operator set; i32 codes only without a zero point. */
  private hasForm({ codes, scale, zero, block }: QuantizedWeight): boolean {
    const { opset } = this.builder;
    const scales = scale.dtype === "f32" || (scale.dtype === "f16" && opset >= 19);
    const wide = codes.dtype === "i16" || codes.dtype === "u16";
    return scales && (!wide || opset >= 21) && (block === 0 || opset >= 21) && !(codes.dtype === "i32" && zero !== null);
  }

  /** A tensor of a quantized weight: once for all weights, but for each `owner` that has it in a form of its own. */
  private part(name: string, tensor: HostTensor, to: DType, owner: string): string {
    const key = JSON.stringify([name, to, owner]);
    const present = this.stored.get(key);
    if (present !== undefined) return present;
    const made = this.builder.names.fresh(name);
    this.stored.set(key, made);
    this.store(made, tensor.dtype, tensor.shape, encodeTensor(tensor), this.options.module.constants.get(name)?.doc ?? null, to);
    return made;
  }

  /** The definition as nodes; false where its op has no row or the row refuses it. */
  private decoded(constant: Derived, name: string): boolean {
    const { module, registry, rows } = this.options;
    const row = rows.get(constant.op);
    if (!row) return false;
    const operand = (i: number) => constant.operands[i] ?? null;
    const source = {
      op: constant.op,
      attrs: registry.attrs(registry.require(constant.op), constant.attrs),
      types: constant.operands.map((n) => (n === null ? null : (module.constants.get(n)?.type ?? null))),
      outputs: [constant.type],
      results: [name],
      label: { name: "", doc: constant.doc },
      input: (i: number) => this.use(operand(i) ?? ""),
      constant: (i: number) => (operand(i) === null ? null : this.value(operand(i) ?? "")),
      nbits: () => null,
      body: () => {
        throw new ExportFailure("E1002", "a constant is defined by no function");
      },
    };
    try {
      writeOp(source, this.builder, this.sizes, row);
      return true;
    } catch (error) {
      if (!(error instanceof ExportFailure)) throw error;
      // Nodes written so far stay, valid and unused; the value itself is written dense.
      return false;
    }
  }
}
