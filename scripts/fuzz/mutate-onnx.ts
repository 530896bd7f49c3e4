/** @file Damage to ONNX files: to the fields of their protobuf messages, to the numbers and names in them, to the graph, and to the raw bytes. */
import { mutateBytes } from "./mutate-bytes.ts";
import type { Mutated } from "./mutate-tsr.ts";
import {
  concatenated,
  copyMessage,
  type Field,
  isMessage,
  type Message,
  messagesOf,
  readMessage,
  varintBytes,
  writeMessage,
} from "./protobuf.ts";
import type { FuzzRandom } from "./random.ts";

export function mutateOnnx(file: Uint8Array, random: FuzzRandom, others: readonly Uint8Array[]): Mutated {
  if (random.chance(15)) return mutateBytes(file, random, others);
  const model = copyMessage(readMessage(file));
  const names = Array.from({ length: random.pick([1, 1, 2, 2, 3, 5]) }, () => random.pick(weighted));
  for (const name of names) (mutations[name] as Mutation)(model, random, others);
  return { bytes: writeMessage(model), how: names.join(", ") };
}

type Mutation = (model: Message, random: FuzzRandom, others: readonly Uint8Array[]) => void;

const mutations: Readonly<Record<string, Mutation>> = {
  "a number": (model, random) =>
    change(
      fieldsOf(model, (f) => typeof f.value === "bigint"),
      random,
      (field) => {
        field.value = random.chance(40) ? BigInt(random.below(14)) - 2n : random.integer();
      },
    ),
  "a number of an attribute or shape": (model, random) =>
    change(
      fieldsOf(model, (f, of) => typeof f.value === "bigint" && ["Attribute", "Dim", "Tensor"].includes(of)),
      random,
      (field) => {
        field.value = random.chance(50) ? BigInt(random.below(12)) - 3n : random.integer();
      },
    ),
  "a name": (model, random) => {
    const texts = fieldsOf(model, isText);
    change(texts, random, (field) => {
      field.value =
        random.chance(70) && texts.length > 0
          ? random.pick(texts).value
          : Uint8Array.from({ length: random.below(9) }, () => random.below(256));
    });
  },
  "an operator": (model, random) =>
    change(
      fieldsOf(model, (f, of) => of === "Node" && f.number === 4),
      random,
      (field) => {
        field.value = new TextEncoder().encode(random.pick(operators));
      },
    ),
  "an input of a node": (model, random) => {
    const names = fieldsOf(model, (f, of) => (of === "Node" && (f.number === 1 || f.number === 2)) || (of === "Tensor" && f.number === 8));
    change(
      fieldsOf(model, (f, of) => of === "Node" && f.number === 1),
      random,
      (field) => {
        field.value = random.pick(names).value;
      },
    );
  },
  "a field removed": (model, random) => {
    const message = random.pick([...messagesOf(model)]);
    if (message.fields.length > 0) message.fields.splice(random.below(message.fields.length), 1);
  },
  "a field repeated": (model, random) => {
    const message = random.pick([...messagesOf(model)]);
    if (message.fields.length === 0) return;
    const field = random.pick(message.fields);
    const count = random.pick([1, 1, 1, 2, 40]);
    for (let i = 0; i < count; i++)
      message.fields.splice(random.below(message.fields.length + 1), 0, {
        ...field,
        value: isMessage(field.value) ? copyMessage(field.value) : field.value,
      });
  },
  "two fields swapped": (model, random) => {
    const message = random.pick([...messagesOf(model)]);
    const { fields } = message;
    if (fields.length < 2) return;
    const [i, j] = [random.below(fields.length), random.below(fields.length)];
    [fields[i], fields[j]] = [fields[j] as Field, fields[i] as Field];
  },
  "a field under another number": (model, random) =>
    change(
      fieldsOf(model, () => true),
      random,
      (field) => {
        field.number = 1 + random.below(24);
      },
    ),
  "a message of another kind's place": (model, random) => {
    const messages = fieldsOf(model, (f) => isMessage(f.value));
    change(messages, random, (field) => {
      const { value } = random.pick(messages);
      field.value = isMessage(value) && depthOf(value) < 12 ? copyMessage(value) : new Uint8Array(0);
    });
  },
  "a tensor's bytes": (model, random) =>
    change(
      fieldsOf(model, (f, of) => of === "Tensor" && f.value instanceof Uint8Array && f.number !== 8),
      random,
      (field) => {
        const bytes = (field.value as Uint8Array).slice();
        if (random.chance(50)) field.value = bytes.subarray(0, random.below(bytes.length + 1));
        else if (bytes.length > 0) {
          for (let i = random.below(8); i >= 0; i--)
            bytes[random.below(bytes.length)] = random.pick([0, 1, 127, 128, 255, random.below(256)]);
          field.value = bytes;
        }
      },
    ),
  "packed numbers": (model, random) =>
    change(
      fieldsOf(model, (f, of) => (of === "Attribute" && f.number === 8) || (of === "Tensor" && (f.number === 1 || f.number === 7))),
      random,
      (field) => {
        field.wire = 2;
        field.value = concatenated(
          Array.from({ length: random.below(7) }, () => varintBytes(random.chance(60) ? BigInt(random.below(8)) : random.integer())),
        );
      },
    ),
  "a graph inside an attribute": (model, random) => {
    const graph = model.fields.find((field) => field.number === 7);
    const attributes = [...messagesOf(model)].filter(({ type }) => type === "Attribute");
    if (!graph || attributes.length === 0) return;
    const message = random.pick(attributes);
    message.fields.push({
      number: 6,
      wire: 2,
      value: isMessage(graph.value) && depthOf(graph.value) < 12 ? copyMessage(graph.value) : new Uint8Array(0),
    });
  },
  "deep nesting": (model, random) => {
    let content = new Uint8Array(0);
    for (let i = random.pick([50, 200, 1000, 5000]); i > 0; i--)
      content = concatenated([Uint8Array.of(0x32), varintBytes(BigInt(content.length)), content]) as Uint8Array<ArrayBuffer>;
    const attributes = [...messagesOf(model)].filter(({ type }) => type === "Attribute");
    if (attributes.length > 0) random.pick(attributes).fields.push({ number: 6, wire: 2, value: content });
  },
  "nodes of another model": (model, random, others) => {
    const graph = model.fields.find((field) => field.number === 7)?.value;
    const other = readMessage(random.pick(others)).fields.find((field) => field.number === 7)?.value;
    if (!graph || !other || !isMessage(graph) || !isMessage(other)) return;
    const nodes = other.fields.filter((field) => field.number === 1);
    for (let i = random.below(4); i >= 0 && nodes.length > 0; i--)
      graph.fields.splice(random.below(graph.fields.length + 1), 0, random.pick(nodes));
  },
};

/** Most of the time what is still a graph. */
const weighted: readonly string[] = [
  ...Object.keys(mutations),
  ...["a number of an attribute or shape", "an operator", "an input of a node", "a tensor's bytes", "packed numbers"].flatMap((name) => [
    name,
    name,
    name,
  ]),
];

const operators = [
  ..."Add Sub Mul Div Pow Relu Sigmoid Tanh Exp Log Sqrt Abs Neg Ceil Floor Round Erf Clip LeakyRelu Softmax LogSoftmax Gemm MatMul Conv MaxPool".split(
    " ",
  ),
  ..."AveragePool GlobalAveragePool BatchNormalization Reshape Flatten Squeeze Unsqueeze Transpose Expand Concat Slice Split Gather Pad Shape Size Range".split(
    " ",
  ),
  ..."Constant ConstantOfShape Cast ReduceMean ReduceSum ReduceMax ArgMax QuantizeLinear DequantizeLinear DepthToSpace SpaceToDepth Where Identity Dropout".split(
    " ",
  ),
  ..."Equal Less Greater Min Max Loop If LSTM".split(" "),
];

/** Fields that satisfy the condition, each with the name of the message that it stands in. */
function fieldsOf(model: Message, holds: (field: Field, of: string) => boolean): Field[] {
  const found: Field[] = [];
  for (const message of messagesOf(model)) for (const field of message.fields) if (holds(field, message.type)) found.push(field);
  return found;
}

const isText = ({ wire, value }: Field, of: string): boolean =>
  wire === 2 && value instanceof Uint8Array && value.length < 64 && of !== "Tensor";

function change(fields: readonly Field[], random: FuzzRandom, edit: (field: Field) => void): void {
  if (fields.length > 0) edit(random.pick(fields));
}

function depthOf(message: Message): number {
  return 1 + Math.max(0, ...message.fields.map(({ value }) => (isMessage(value) ? depthOf(value) : 0)));
}
