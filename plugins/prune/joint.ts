/**
 * @file Two modules of the same inputs side by side, with what one layer reads in both put together in front of a layer of no meaning, whose Gram matrix then holds the moments of either and between them. So
 * least squares of an old output on new inputs needs nothing but the calibration service.
 */
import { type Layer, layersOf } from "../../compiler/index.ts";
import {
  type Constant,
  dataConstant,
  type Func,
  type Module,
  mainFunction,
  type Op,
  type Operand,
  type OpRegistry,
  type TensorType,
  TersorError,
  tensorType,
  typeByteLength,
  type ValueId,
  type ValueInfo,
  valueInfo,
  writeAttrs,
} from "../../ir-spec/index.ts";

export interface Joint {
  readonly module: Module;
  /** Its columns: those of the old layer, then those of the new one. */
  readonly layer: Layer;
}

/** The layer has one group, and its weight is its own in both modules. */
export function joinModules(registry: OpRegistry, old: Module, fresh: Module, layer: Layer): Joint {
  const [a, b] = [mainFunction(old), mainFunction(fresh)];
  const body = { values: [...a.values, ...b.values.map(({ type }) => ({ name: null, type }))], ops: [...a.ops, ...movedOps(a, b)] };
  const weight = addLayer(registry, a, b, layer, body);
  const constants = new Map<string, Constant>(old.constants);
  for (const constant of fresh.constants.values()) constants.set(`fresh.${constant.name}`, renamed(constant));
  constants.set(weightName, dataConstant(weightName, weight, new Uint8Array(typeByteLength(weight))));
  const module: Module = { ...old, constants, functions: new Map([...old.functions, ["main", { ...a, ...body }]]) };
  const joined = layersOf(module).find(({ weight: name }) => name === weightName);
  if (!joined) throw new TersorError({ code: "E0763", message: `${layer.weight}: ${layer.op.name} is no layer that can be repaired` });
  return { module, layer: joined };
}

const weightName = "joint.weight";

/** The second function's ops behind the first's, on values and constants of their own. */
function movedOps(a: Func, b: Func): readonly Op[] {
  const moved = (operand: Operand): Operand =>
    typeof operand === "number" ? movedValue(a, b, operand) : operand === null ? null : `fresh.${operand}`;
  return b.ops.map((op) => ({ ...op, operands: op.operands.map(moved), results: op.results.map((id) => id + a.values.length) }));
}

/** Both inputs concatenated, and a layer over them; gives the type of its weight. */
function addLayer(registry: OpRegistry, a: Func, b: Func, layer: Layer, { values, ops }: { values: ValueInfo[]; ops: Op[] }): TensorType {
  const conv = layer.kernel.length > 0;
  const add = (name: string, operands: readonly Operand[], attrs: Op["attrs"], type: TensorType): ValueId => {
    values.push({ name: null, type });
    ops.push({ name, operands, attrs, results: [values.length - 1], doc: null, loc: [] });
    return values.length - 1;
  };
  const [x, y] = [readIn(a, layer), readIn(b, layer)];
  const type = valueInfo(a, x).type;
  const axis = conv ? 1 : type.shape.length - 1;
  const both = joinedType(type, valueInfo(b, y).type, axis);
  const together = add("shape.concat", [x, movedValue(a, b, y)], writeAttrs(registry.require("shape.concat").attrs, { axis }), both);
  const { dtype, shape } = valueInfo(a, layer.op.results[0] as ValueId).type;
  const made = tensorType(
    dtype,
    shape.map((dim, i) => (i === axis ? 1 : dim)),
  );
  const attrs = new Map(conv ? [...layer.op.attrs].filter(([name]) => name !== "activation") : []);
  add(conv ? "nn.conv" : "nn.linear", [together, weightName, null], attrs, made);
  return tensorType(both.dtype, [1, both.shape[axis] as number, ...layer.kernel]);
}

/** What the op with the layer's weight reads. */
function readIn(func: Func, layer: Layer): ValueId {
  const op = func.ops.find(({ operands }) => operands[1] === layer.weight);
  const value = op?.operands[layer.input];
  if (typeof value === "number") return value;
  throw new TersorError({ code: "E0763", message: `no layer of @${func.name} has the weight @${layer.weight}` });
}

/** Parameters are one; what else the second function makes comes behind the first's values. */
function movedValue(a: Func, b: Func, id: ValueId): ValueId {
  const param = b.params.indexOf(id);
  return param >= 0 ? (a.params[param] as ValueId) : id + a.values.length;
}

function joinedType(a: TensorType, b: TensorType, axis: number): TensorType {
  return tensorType(
    a.dtype,
    a.shape.map((dim, i) => (i === axis ? Number(dim) + Number(b.shape[axis]) : dim)),
  );
}

function renamed(constant: Constant): Constant {
  const name = `fresh.${constant.name}`;
  if (constant.kind === "data") return { ...constant, name };
  return { ...constant, name, operands: constant.operands.map((operand) => (operand === null ? null : `fresh.${operand}`)) };
}
