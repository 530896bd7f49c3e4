/** @file Recurrent layers. ONNX's operators have an axis of directions on everything, here of size 1. */
import { attribute, type NodeAttrs } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";

/** ONNX's name of a function, and which constants it takes. */
const functions: Readonly<Record<string, readonly [name: string, alpha: boolean, beta: boolean]>> = {
  sigmoid: ["Sigmoid", false, false],
  tanh: ["Tanh", false, false],
  relu: ["Relu", false, false],
  affine: ["Affine", true, true],
  leaky_relu: ["LeakyRelu", true, false],
  thresholded_relu: ["ThresholdedRelu", true, false],
  scaled_tanh: ["ScaledTanh", true, true],
  hard_sigmoid: ["HardSigmoid", true, true],
  elu: ["Elu", true, false],
  softsign: ["Softsign", false, false],
  softplus: ["Softplus", false, false],
};

/** Functions and the constants of those that take one. */
function functionAttrs(op: OpCall, names: readonly string[]): NodeAttrs {
  const used = names.map(
    (attr) =>
      functions[op.attr<string>(attr)] ??
      op.fail("E1002", `ONNX has no function ${op.attr<string>(attr)}`, `use one of ${Object.keys(functions).join(", ")}`),
  );
  const constants = (list: "alpha" | "beta", takes: 1 | 2) =>
    used.flatMap((f, i) => (f[takes] ? [op.attr<readonly number[]>(list)[i] ?? 0] : []));
  const [alpha, beta] = [constants("alpha", 1), constants("beta", 2)];
  return {
    activations: attribute.strings(used.map(([name]) => name)),
    ...(alpha.length > 0 ? { activation_alpha: attribute.floats(alpha) } : {}),
    ...(beta.length > 0 ? { activation_beta: attribute.floats(beta) } : {}),
  };
}

interface Layer {
  readonly opType: string;
  readonly functions: readonly string[];
  /** Operands in the order of ONNX's inputs. */
  readonly operands: readonly number[];
  readonly lengths: number;
  readonly attrs: (op: OpCall) => NodeAttrs;
}

function write(op: OpCall, layer: Layer): ResultNode {
  const inputs = layer.operands.map((index) => {
    if (!op.has(index)) return "";
    if (index === 0) return op.input(0);
    if (index === layer.lengths) return op.type(index).dtype === "i32" ? op.input(index) : op.cast(op.input(index), "i32");
    return op.node("Unsqueeze", [op.input(index), op.list([0])]);
  });
  const hidden = op.type(2).shape[1];
  const clip = op.float("clip");
  const attrs: NodeAttrs = {
    ...(typeof hidden === "number" ? { hidden_size: attribute.int(hidden) } : {}),
    direction: attribute.string(op.flag("reverse") ? "reverse" : "forward"),
    ...functionAttrs(op, layer.functions),
    ...(clip > 0 ? { clip: attribute.float(clip) } : {}),
    ...layer.attrs(op),
  };
  const [y = "", ...states] = op.nodes(layer.opType, inputs, attrs, layer.opType === "LSTM" ? 3 : 2);
  states.forEach((state, i) => {
    op.also(i + 1, "Squeeze", [state, op.list([0])]);
  });
  return op.result("Squeeze", [y, op.list([1])]);
}

const rnn: Layer = { opType: "RNN", functions: ["activation"], operands: [0, 1, 2, 3, 5, 4], lengths: 5, attrs: () => ({}) };
const gru: Layer = {
  opType: "GRU",
  functions: ["gate", "candidate"],
  operands: [0, 1, 2, 3, 5, 4],
  lengths: 5,
  attrs: (op) => ({ linear_before_reset: attribute.flag(op.flag("linear_before_reset")) }),
};
const lstm: Layer = {
  opType: "LSTM",
  functions: ["gate", "cell", "out"],
  operands: [0, 1, 2, 3, 7, 4, 5, 6],
  lengths: 7,
  attrs: (op) => ({ input_forget: attribute.flag(op.flag("input_forget")) }),
};

export const recurrentRows: ExportTable = {
  "nn.rnn": (op) => write(op, rnn),
  "nn.gru": (op) => write(op, gru),
  "nn.lstm": (op) => write(op, lstm),
};
