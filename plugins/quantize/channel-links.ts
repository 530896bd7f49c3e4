/**
 * @file Where a channel can be scaled on one side and scaled back on the other without a change of the network: what makes a value (a layer, or a scale and shift by constants behind a
 * normalization), positively homogeneous functions on the way, and the layers that alone read it. All constants are float data with one use.
 */
import { type Layer, layersOf, leafValues } from "../../compiler/index.ts";
import {
  type Constant,
  dataConstant,
  encodeTensor,
  hostTensor,
  type Module,
  ModuleEditor,
  mainFunction,
  type Op,
  type OpRegistry,
  staticShape,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";

export interface ChannelLink {
  /** What the consumers read. */
  readonly value: ValueId;
  readonly channels: number;
  /** Constants whose places along their first axis are the channels; dividing all of them divides the value. */
  readonly producer: readonly string[];
  /** The producing layer, where it is one. */
  readonly layer: Layer | null;
  readonly consumers: readonly Layer[];
  /** Whether all on the way is relu, as bias absorption wants it. */
  readonly plain: boolean;
}

const homogeneous: ReadonlySet<string> = new Set(["math.relu", "math.leaky_relu", "nn.max_pool", "nn.avg_pool"]);

/** In order of execution. */
export function channelLinks(module: Module): readonly ChannelLink[] {
  const func = mainFunction(module);
  const graph = new Graph(module);
  return func.ops.flatMap((op) => {
    const source = graph.producer(op);
    if (!source) return [];
    let [value, plain] = [op.results[0] as ValueId, true];
    for (;;) {
      const users = graph.users(value);
      const consumers = users?.map((user) => graph.consumer(user, value, source.axis));
      if (consumers?.length && consumers.every((layer) => layer !== null)) {
        const fits = consumers.every((layer) => channelsRead(layer) === source.channels);
        return fits ? [{ value, channels: source.channels, producer: source.constants, layer: source.layer, consumers, plain }] : [];
      }
      const [next] = users ?? [];
      if (users?.length !== 1 || !next || !homogeneous.has(next.name)) return [];
      plain &&= next.name === "math.relu";
      value = next.results[0] as ValueId;
    }
  });
}

interface Source {
  readonly constants: readonly string[];
  readonly channels: number;
  readonly layer: Layer | null;
  /** Convolutions have channels on axis 1, others on the last. */
  readonly axis: "second" | "last";
}

class Graph {
  private readonly module: Module;
  private readonly layers: ReadonlyMap<Op, Layer>;
  private readonly readers = new Map<ValueId, Op[]>();
  private readonly makers = new Map<ValueId, Op>();
  private readonly mentions = new Map<string, number>();
  private readonly returned: ReadonlySet<unknown>;

  constructor(module: Module) {
    this.module = module;
    this.layers = new Map(layersOf(module).map((layer) => [layer.op, layer]));
    const func = mainFunction(module);
    this.returned = new Set(func.returns);
    for (const op of func.ops) {
      for (const result of op.results) this.makers.set(result, op);
      for (const operand of new Set(op.operands)) {
        if (typeof operand === "number") this.readers.set(operand, [...(this.readers.get(operand) ?? []), op]);
      }
    }
    const mention = (operand: unknown) => {
      if (typeof operand === "string") this.mentions.set(operand, (this.mentions.get(operand) ?? 0) + 1);
    };
    for (const { ops, returns } of module.functions.values()) {
      for (const op of ops) op.operands.forEach(mention);
      returns.forEach(mention);
    }
    for (const constant of module.constants.values()) if (constant.kind === "derived") constant.operands.forEach(mention);
  }

  /** All ops that read the value; null where it is a result of the function. */
  users(value: ValueId): readonly Op[] | null {
    return this.returned.has(value) ? null : (this.readers.get(value) ?? []);
  }

  producer(op: Op): Source | null {
    const layer = this.layers.get(op);
    if (layer) return this.layerSource(layer);
    return op.name === "math.add" || op.name === "math.mul" ? this.affineSource(op) : null;
  }

  consumer(op: Op, value: ValueId, axis: Source["axis"]): Layer | null {
    const layer = this.layers.get(op);
    if (!layer || op.operands.filter((operand) => operand === value).length !== 1 || op.operands[layer.input] !== value) return null;
    return (op.name === "nn.conv") === (axis === "second") && this.free(layer.weight) ? layer : null;
  }

  private layerSource(layer: Layer): Source | null {
    const { op, weight, bias, outputs, transposed } = layer;
    const activation = op.attrs.get("activation");
    const kept = activation === undefined || (activation.kind === "enum" && ["none", "relu"].includes(activation.value));
    if (!kept || transposed || typeof op.operands[2] === "number" || !this.free(weight) || (bias !== null && !this.free(bias))) return null;
    return {
      constants: bias === null ? [weight] : [weight, bias],
      channels: outputs,
      layer,
      axis: op.name === "nn.conv" ? "second" : "last",
    };
  }

  /** `x * scale + shift` or either, by vectors over the last axis; an addition to what a product gives takes both. */
  private affineSource(op: Op): Source | null {
    const own = this.vectorOf(op);
    const rank = valueInfo(mainFunction(this.module), op.results[0] as ValueId).type.shape.length;
    if (!own || rank < 2) return null;
    const channels = Number(this.module.constants.get(own.constant)?.type.shape[0] ?? 0);
    if (op.name === "math.mul") return { constants: [own.constant], channels, layer: null, axis: "last" };
    const inner = this.makers.get(own.value);
    const scale = inner?.name === "math.mul" ? this.vectorOf(inner) : null;
    if (!scale || this.users(own.value)?.length !== 1) return null;
    return { constants: [scale.constant, own.constant], channels, layer: null, axis: "last" };
  }

  private vectorOf(op: Op): { readonly constant: string; readonly value: ValueId } | null {
    const constant = op.operands.find((operand) => typeof operand === "string");
    const value = op.operands.find((operand) => typeof operand === "number");
    if (typeof constant !== "string" || typeof value !== "number" || !this.free(constant)) return null;
    const [size, ...rest] = staticShape(this.module.constants.get(constant)?.type.shape ?? []) ?? [];
    const last = valueInfo(mainFunction(this.module), op.results[0] as ValueId).type.shape.at(-1);
    return rest.length === 0 && size !== undefined && size === last ? { constant, value } : null;
  }

  /** Finite float data that nothing else mentions. */
  private free(name: string): boolean {
    return this.mentions.get(name) === 1 && leafValues(this.module, name)?.every(Number.isFinite) === true;
  }
}

/** Channels of the value that a layer reads. */
export function channelsRead(layer: Layer): number {
  return (layer.inputs / taps(layer)) * layer.groups;
}

function taps({ kernel }: Layer): number {
  return kernel.reduce((product, size) => product * size, 1);
}

/** Input channel of each element of a layer's weight, in the order in which it is stored. */
export function channelOfElement(layer: Layer): (element: number) => number {
  const { inputs, outputs, groups, transposed } = layer;
  if (transposed) return (element) => Math.floor(element / outputs);
  const perGroup = inputs / taps(layer);
  return (element) => {
    const row = Math.floor(element / inputs);
    return Math.floor((row * groups) / outputs) * perGroup + Math.floor((element % inputs) / taps(layer));
  };
}

/** Float constants that a pass changes, written back at the end. */
export class FloatConstants {
  private readonly module: Module;
  private readonly changed = new Map<string, Float64Array>();

  constructor(module: Module) {
    this.module = module;
  }

  values(name: string): Float64Array {
    const known = this.changed.get(name) ?? Float64Array.from(leafValues(this.module, name) ?? []);
    this.changed.set(name, known);
    return known;
  }

  /** Divides the producer's channels and multiplies what the consumers make of them. */
  scale({ producer, channels, consumers }: ChannelLink, factors: ArrayLike<number>): void {
    for (const name of producer) {
      const values = this.values(name);
      const inner = values.length / channels;
      values.forEach((value, i) => {
        values[i] = value / (factors[Math.floor(i / inner)] as number);
      });
    }
    for (const layer of consumers) {
      const [values, channelOf] = [this.values(layer.weight), channelOfElement(layer)];
      values.forEach((value, i) => {
        values[i] = value * (factors[channelOf(i)] as number);
      });
    }
  }

  /** Largest magnitude of what the consumers multiply each channel by. */
  consumerMost({ channels, consumers }: ChannelLink): Float64Array {
    const most = new Float64Array(channels);
    for (const layer of consumers) {
      const channelOf = channelOfElement(layer);
      this.values(layer.weight).forEach((value, i) => {
        const channel = channelOf(i);
        most[channel] = Math.max(most[channel] as number, Math.abs(value));
      });
    }
    return most;
  }

  /** The module with the constants named, or all that were looked at. */
  written(registry: OpRegistry): ModuleEditor {
    const editor = new ModuleEditor(this.module, registry);
    for (const [name, values] of this.changed) {
      const { type, doc, loc } = this.module.constants.get(name) as Constant;
      const bytes = encodeTensor(hostTensor(type.dtype, staticShape(type.shape) ?? [], Float32Array.from(values)));
      editor.setConstant({ ...dataConstant(name, type, bytes, loc), doc });
    }
    return editor;
  }
}
