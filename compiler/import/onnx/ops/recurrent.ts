/**
 * @file RNN, GRU and LSTM. An op of the IR runs one direction and knows one order of axes: two directions are two ops whose results are joined, the batch first (`layout` 1) is turned
 * around.
 */
import { type Dim, dimKey } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";

/**
 * Of a constant that a function takes. Where it must be given, ONNX refers to an operator's default, or to an operator that is gone, and ONNX Runtime takes 0.
 */
type Default = number | "must be given";

interface CellFunction {
  readonly name: string;
  /** null: it does not take one. */
  readonly alpha: Default | null;
  readonly beta: Default | null;
}

const of = (name: string, alpha: Default | null = null, beta: Default | null = null): CellFunction => ({ name, alpha, beta });

/** By ONNX's name in lower case: ONNX Runtime takes any case. */
const functions: ReadonlyMap<string, CellFunction> = new Map([
  ["sigmoid", of("sigmoid")],
  ["tanh", of("tanh")],
  ["relu", of("relu")],
  ["affine", of("affine", "must be given", "must be given")],
  ["leakyrelu", of("leaky_relu", Math.fround(0.01))],
  ["thresholdedrelu", of("thresholded_relu", "must be given")],
  ["scaledtanh", of("scaled_tanh", "must be given", "must be given")],
  ["hardsigmoid", of("hard_sigmoid", Math.fround(0.2), 0.5)],
  ["elu", of("elu", 1)],
  ["softsign", of("softsign")],
  ["softplus", of("softplus")],
]);

interface Layer {
  readonly op: "nn.rnn" | "nn.gru" | "nn.lstm";
  readonly gates: number;
  /** Attributes of the functions, in ONNX's order, with their defaults. */
  readonly functions: Readonly<Record<string, string>>;
  /** Inputs in the order of the op's operands after x. */
  readonly operands: readonly number[];
}

/** Input 4 of all is `sequence_lens`. */
const rnn: Layer = { op: "nn.rnn", gates: 1, functions: { activation: "Tanh" }, operands: [1, 2, 3, 5, 4] };
const gru: Layer = { op: "nn.gru", gates: 3, functions: { gate: "Sigmoid", candidate: "Tanh" }, operands: [1, 2, 3, 5, 4] };
const lstm: Layer = {
  op: "nn.lstm",
  gates: 4,
  functions: { gate: "Sigmoid", cell: "Tanh", out: "Tanh" },
  operands: [1, 2, 3, 5, 6, 7, 4],
};

const lengths = 4;
const states: readonly number[] = [5, 6];

interface Functions {
  readonly names: readonly string[];
  readonly alpha: readonly number[];
  readonly beta: readonly number[];
}

/** Functions of all directions, one behind the other. Constants are for those that take one, in their order. */
function functionsOf(node: NodeContext, layer: Layer, directions: number): Functions {
  const defaults = Object.values(layer.functions);
  const count = defaults.length * directions;
  const given = node.attributes.strings("activations") ?? Array.from({ length: directions }, () => defaults).flat();
  if (given.length !== count) node.fail("E0606", `activations has ${given.length} names, ${count} are needed`);
  const known = given.map((name) => {
    const found = functions.get(name.toLowerCase());
    return found ?? node.fail("E0605", `the activation ${JSON.stringify(name)} is not supported`);
  });
  return { names: known.map(({ name }) => name), alpha: constantsOf(node, known, "alpha"), beta: constantsOf(node, known, "beta") };
}

function constantsOf(node: NodeContext, known: readonly CellFunction[], which: "alpha" | "beta"): readonly number[] {
  const given = [...(node.attributes.floats(`activation_${which}`) ?? [])];
  return known.map((f) => {
    if (f[which] === null) return 0;
    const value = given.shift() ?? f[which];
    if (value === "must be given")
      node.fail(
        "E0605",
        `${f.name} without activation_${which} is not supported`,
        "engines disagree about its default: export it with a value",
      );
    return value;
  });
}

/** The part of one direction of an input, without the axis of directions. */
function directed(node: NodeContext, index: number, at: number, directions: number): Value | null {
  if (!node.has(index)) return null;
  const value = node.input(index);
  if (index === lengths) return value;
  const axis = states.includes(index) && isBatchFirst(node) ? 1 : 0;
  const { shape } = value.type;
  if (shape.length < 2 || shape[axis] !== directions)
    node.fail(
      "E0606",
      `input ${index} has the sizes [${shape.map(dimKey).join(", ")}], ${directions} directions were expected on axis ${axis}`,
    );
  const part = directions === 1 ? value : node.emit("shape.slice", [value], { starts: [at], ends: [at + 1], axes: [axis] });
  return node.reshape(part, without(shape, axis));
}

const without = (shape: readonly Dim[], axis: number): readonly Dim[] => shape.filter((_, i) => i !== axis);

const isBatchFirst = (node: NodeContext): boolean => node.opset >= 14 && node.attributes.flag("layout", false);

const turned = (node: NodeContext, value: Value): Value => node.emit("shape.transpose", [value], { perm: [1, 0, 2] });

/** Results of one direction: y [time, batch, hidden], then states [batch, hidden]. */
function oneDirection(
  node: NodeContext,
  layer: Layer,
  x: Value,
  used: Functions,
  at: number,
  directions: number,
  reverse: boolean,
): readonly Value[] {
  const { attributes } = node;
  const names = Object.keys(layer.functions);
  const first = at * names.length;
  const mine = <T>(all: readonly T[]): readonly T[] => all.slice(first, first + names.length);
  const constants = (all: readonly number[]) => (mine(all).every((v) => v === 0) ? [] : mine(all));
  const attrs = {
    ...Object.fromEntries(mine(used.names).map((name, i) => [names[i], name])),
    ...(layer === gru ? { linear_before_reset: node.opset >= 3 && attributes.flag("linear_before_reset", false) } : {}),
    ...(layer === lstm ? { input_forget: attributes.flag("input_forget", false) } : {}),
    reverse,
    alpha: constants(used.alpha),
    beta: constants(used.beta),
    clip: attributes.float("clip", 0),
  };
  return node.emitAll(layer.op, [x, ...layer.operands.map((index) => directed(node, index, at, directions))], attrs);
}

/** Inserts the axis of directions into each result, and joins the directions along it. */
function joined(node: NodeContext, parts: readonly Value[], axis: number): Value {
  const apart = parts.map((part) => {
    const { shape } = part.type;
    return node.reshape(part, [...shape.slice(0, axis), 1, ...shape.slice(axis)]);
  });
  return apart.length === 1 ? (apart[0] as Value) : node.emit("shape.concat", apart, { axis });
}

function translate(node: NodeContext, layer: Layer): readonly Value[] {
  const { attributes } = node;
  attributes.ignore("output_sequence", "hidden_size");
  const direction = attributes.choice("direction", ["forward", "reverse", "bidirectional"], "forward");
  const reversed = direction === "bidirectional" ? [false, true] : [direction === "reverse"];
  const batchFirst = isBatchFirst(node);
  checkSize(node);
  const used = functionsOf(node, layer, reversed.length);
  const x = batchFirst ? turned(node, node.input(0)) : node.input(0);
  const parts = reversed.map((reverse, at) => oneDirection(node, layer, x, used, at, reversed.length, reverse));
  return (parts[0] as readonly Value[]).map((_, result) => {
    const own = parts.map((part) => part[result] as Value);
    if (result > 0) return joined(node, own, batchFirst ? 1 : 0);
    return batchFirst
      ? joined(
          node,
          own.map((y) => turned(node, y)),
          2,
        )
      : joined(node, own, 1);
  });
}

function checkSize(node: NodeContext): void {
  const size = node.attributes.int("hidden_size", null);
  const { shape } = node.type(2);
  const has = shape[shape.length - 1];
  if (size !== null && typeof has === "number" && has !== size) node.fail("E0606", `hidden_size is ${size}, the input R is for ${has}`);
}

export const recurrentOps: OpTable = {
  RNN: (node) => translate(node, rnn),
  GRU: (node) => translate(node, gru),
  LSTM: (node) => translate(node, lstm),
};
