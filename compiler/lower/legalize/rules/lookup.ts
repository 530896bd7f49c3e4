/**
 * @file Functions of one 8-bit operand as a table: whatever elementwise ops stand between one dequantized value (and scalars) and the quantize, evaluated for all 256 codes with the
 * ops' own reference functions. Exactly what the float form gives. From: gemmlowp's and TensorFlow Lite's tables for logistic and tanh.
 */
import {
  type EditableOp,
  evaluateOp,
  type HostTensor,
  hostTensor,
  type Operand,
  shapeEquals,
  type ValueId,
} from "../../../../ir-spec/index.ts";
import { type Answer, type Cluster, type Dequantized, paramTensors, type Reader, refuse, toAttr } from "../cluster.ts";

const notElementwise: ReadonlySet<string> = new Set(["math.softmax", "math.log_softmax"]);

export function lookupRule(cluster: Cluster): Answer {
  const { op, reader } = cluster;
  const tree = new Tree(reader);
  const problem = tree.add(op);
  if (problem !== null) return refuse(problem);
  const { leaf } = tree;
  if (!leaf || typeof leaf.codes !== "number") return refuse("no operand is dequantized bytes with one scale");
  const shared = tree.sharedResult(op);
  if (shared !== null) return refuse(`what ${shared} gives is read elsewhere, too`);
  if (!shapeEquals(reader.typeOf(op.results[0] as ValueId).shape, leaf.type.shape)) return refuse("it broadcasts its operand");
  const values = tree.evaluate(op, allValues(leaf, reader));
  const [table] = evaluateOp(
    reader.registry,
    "quant.quantize",
    [clipped(values, cluster), ...paramTensors(cluster.out)],
    toAttr(cluster.out),
  );
  const name = `${reader.body.info(cluster.root.results[0] as ValueId).name ?? op.name.replace("math.", "")}.table`;
  return [{ op: "int.lookup", operands: [leaf.codes, { kind: "data", name, value: table as HostTensor }], attrs: {} }];
}

function clipped(values: HostTensor, { bounds }: Cluster): HostTensor {
  const data = Float32Array.from(values.data as Float32Array, (value) => Math.min(bounds.high, Math.max(bounds.low, value)));
  return hostTensor("f32", values.shape, data);
}

/** What the 256 codes mean. */
function allValues(x: Dequantized, { registry }: Reader): HostTensor {
  const codes = x.dtype === "i8" ? Int8Array.from({ length: 256 }, (_, i) => i - 128) : Uint8Array.from({ length: 256 }, (_, i) => i);
  const [values] = evaluateOp(registry, "quant.dequantize", [hostTensor(x.dtype, [256], codes), ...paramTensors(x)], new Map());
  return values as HostTensor;
}

/** Elementwise ops over one dequantized value. */
class Tree {
  leaf: Dequantized | null = null;
  private readonly reader: Reader;
  private readonly ops = new Set<EditableOp>();

  constructor(reader: Reader) {
    this.reader = reader;
  }

  /** Why the op cannot be part of a table, or null. */
  add(op: EditableOp): string | null {
    if (this.ops.has(op)) return null;
    if (!op.name.startsWith("math.") || notElementwise.has(op.name) || op.results.length !== 1) return `${op.name} has no integer form`;
    for (const operand of op.operands) {
      const problem = this.addOperand(op, operand);
      if (problem !== null) return problem;
    }
    this.ops.add(op);
    return null;
  }

  private addOperand(op: EditableOp, operand: Operand): string | null {
    const found = this.reader.dequantized(operand);
    if (found) {
      this.leaf ??= found;
      const same = this.leaf.codes === found.codes && this.leaf.scale === found.scale && this.leaf.zero === found.zero;
      return same ? null : `${op.name} has no integer form for two values`;
    }
    if (typeof operand === "string")
      return this.reader.constant(operand).data.length === 1 ? null : `${op.name} with the constant @${operand} has no integer form`;
    const producer = operand === null ? null : this.reader.body.def(operand);
    return producer ? this.add(producer) : `an operand of ${op.name} is not dequantized bytes`;
  }

  /** The name of an op inside whose result is read outside. */
  sharedResult(root: EditableOp): string | null {
    for (const op of this.ops) {
      const result = op.results[0] as ValueId;
      if (op === root) continue;
      if (this.reader.body.isReturned(result) || this.reader.body.users(result).some((user) => !this.ops.has(user))) return op.name;
    }
    return null;
  }

  evaluate(root: EditableOp, leaf: HostTensor): HostTensor {
    const made = new Map<Operand, HostTensor>();
    for (const op of this.ops) {
      const inputs = op.operands.map((operand) => {
        if (this.reader.dequantized(operand)) return leaf;
        if (typeof operand === "string") {
          const value = this.reader.constant(operand);
          return { ...value, shape: [] };
        }
        return made.get(operand) ?? null;
      });
      const [value] = evaluateOp(this.reader.registry, op.name, inputs, op.attrs);
      made.set(op.results[0] as ValueId, value as HostTensor);
    }
    return made.get(root.results[0] as ValueId) as HostTensor;
  }
}
