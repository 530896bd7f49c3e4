/** @file Symbolic sizes as data: as many ones as the size, added up. The IR needs no op that gives a size, and a size is rarely more than a few thousand. */
import type { Dim, DType, FunctionEditor, Location, Operand } from "../../../ir-spec/index.ts";
import type { ConstantPool } from "./constants.ts";
import { sizes, type Value } from "./value.ts";

type SizesValue = Value & { readonly kind: "sizes" };

/** The list as an operand: a constant where all are known, else ops at the editor's place. */
export function sizesOperand(
  value: SizesValue,
  name: string,
  editor: FunctionEditor,
  constants: ConstantPool,
  loc: Location,
): NonNullable<Operand> {
  const { elements, type } = value;
  if (elements.every((size) => typeof size === "number")) return constants.useSizes(value, name, loc);
  const emit = (op: string, operands: readonly Operand[], attrs: object): number => {
    const [id] = editor.insert(op, operands, { ...attrs }, { loc });
    if (id === undefined) throw new RangeError(`${op} has no result`);
    return id;
  };
  const counted = elements.map((size) => countOf(size, type.dtype, name, constants, loc, emit));
  const list = counted.length === 1 ? (counted[0] as Operand) : emit("shape.concat", counted, { axis: 0 });
  return type.shape.length === 0 ? emit("shape.reshape", [list], { shape: [] }) : (list as NonNullable<Operand>);
}

type Emit = (op: string, operands: readonly Operand[], attrs: object) => number;

/** One size as a list of one. */
function countOf(size: Dim, dtype: DType, name: string, constants: ConstantPool, loc: Location, emit: Emit): Operand {
  if (typeof size === "number") return constants.useSizes(sizes([size], 1, dtype) as SizesValue, name, loc);
  const one = constants.scalar(1, dtype);
  if (one.kind !== "constant") throw new RangeError("a scalar is no constant");
  const ones = emit("shape.broadcast", [constants.use(one)], { shape: [size] });
  return emit("reduce.sum", [ones], { axes: [0], keepdims: true });
}
