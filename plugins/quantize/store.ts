/** @file Writes codes, steps and zero points down as constants, and half floats. */
import { redefineAs } from "../../compiler/index.ts";
import {
  type Constant,
  type DType,
  dataConstant,
  encodeTensor,
  hostTensor,
  type ModuleEditor,
  staticShape,
  tensorType,
} from "../../ir-spec/index.ts";
import type { Grid } from "./grid.ts";
import type { Scheme } from "./scheme.ts";

/** The narrowest integers that hold the codes. */
export function storageFor(bits: number): DType {
  return bits <= 2 ? "i2" : bits <= 4 ? "i4" : "i8";
}

/** `@leaf = quant.dequantize(codes, scale, zero)`. */
export function storeCodes(
  editor: ModuleEditor,
  leaf: Constant,
  { scaleShape, attrs }: Pick<Scheme, "scaleShape" | "attrs">,
  { grid, codes }: { readonly grid: Grid; readonly codes: Int8Array },
  bits: number,
): void {
  const dtype = storageFor(bits);
  const store = (suffix: string, as: DType, shape: readonly number[], values: Int8Array | Float32Array): string => {
    const name = editor.freshSymbol(`${leaf.name}.${suffix}`);
    editor.setConstant(dataConstant(name, tensorType(as, shape), encodeTensor(hostTensor(as, shape, values)), leaf.loc));
    return name;
  };
  const codesName = store("q", dtype, staticShape(leaf.type.shape) ?? [], codes);
  const scaleName = store("s", "f32", scaleShape, grid.scales);
  const zeroName = grid.zeros ? store("z", dtype, scaleShape, grid.zeros) : null;
  redefineAs(editor, leaf, "quant.dequantize", [codesName, scaleName, zeroName], attrs);
}

/** `@leaf = type.cast(halves)`. */
export function storeHalf(editor: ModuleEditor, leaf: Constant, values: ArrayLike<number>, half: "f16" | "bf16"): void {
  const name = editor.freshSymbol(`${leaf.name}.${half}`);
  const shape = staticShape(leaf.type.shape) ?? [];
  const bytes = encodeTensor(hostTensor(half, shape, Float32Array.from(values)));
  editor.setConstant(dataConstant(name, tensorType(half, shape), bytes, leaf.loc));
  redefineAs(editor, leaf, "type.cast", [name], { to: leaf.type.dtype });
}
