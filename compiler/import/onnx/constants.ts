/** @file The module's constants as they come up: one for each initializer or literal that some op uses as data. */
import {
  allocateData,
  constantElsewhere,
  type Dim,
  type DType,
  dataConstant,
  dimKey,
  encodeTensor,
  type Location,
  type ModuleEditor,
  staticShape,
  tensorType,
  unknownLocation,
} from "../../../ir-spec/index.ts";
import { ImportFailure } from "./errors.ts";
import type { Value } from "./value.ts";

type ConstantValue = Value & { readonly kind: "constant" };
type SizesValue = Value & { readonly kind: "sizes" };

export class ConstantPool {
  private readonly module: ModuleEditor;
  private readonly names = new Map<Value, string>();
  private readonly numbers = new Map<string, number>();
  private readonly scalars = new Map<string, Value>();

  constructor(module: ModuleEditor) {
    this.module = module;
  }

  /** Name of the constant that holds the value, made at the first call. A name that is taken gets a number. */
  use(value: ConstantValue): string {
    const present = this.names.get(value);
    if (present !== undefined) return present;
    const name = this.fresh(value.name);
    const { type, loc, elsewhere } = value;
    const made = elsewhere ? constantElsewhere(name, type, elsewhere, loc) : dataConstant(name, type, value.bytes, loc);
    this.module.setConstant(made);
    this.names.set(value, name);
    return name;
  }

  /** Copies of a subgraph ask for the same names over and over: the numbers that are taken are not tried again. */
  private fresh(base: string): string {
    const next = this.numbers.get(base);
    let name = next === undefined ? this.module.freshSymbol(base) : `${base}.${next}`;
    let number = (next ?? 1) + 1;
    while (next !== undefined && this.module.freshSymbol(name) !== name) name = `${base}.${number++}`;
    this.numbers.set(base, number);
    return name;
  }

  /** `use` for sizes, as a constant named `name`. @throws ImportFailure E0608 when one is symbolic or saturated. */
  useSizes(value: SizesValue, name: string, loc: Location): string {
    const present = this.names.get(value);
    if (present !== undefined) return present;
    const bytes = encodeNumbers(value.type.dtype, staticShape(value.type.shape) ?? [], value.elements.map(exactSize));
    const made = this.use({ kind: "constant", type: value.type, name, bytes, loc });
    this.names.set(value, made);
    return made;
  }

  /** A rank-0 constant, the same for the same number and dtype. */
  scalar(number: number, dtype: DType): Value {
    const name = `scalar.${dtype}.${Object.is(number, -0) ? "-0" : number}`;
    const present = this.scalars.get(name);
    if (present) return present;
    const bytes = encodeNumbers(dtype, [], [number]);
    const made: Value = { kind: "constant", type: tensorType(dtype, []), name, bytes, loc: unknownLocation };
    this.scalars.set(name, made);
    return made;
  }
}

function exactSize(dim: Dim): number {
  const hint = "the IR has no op that gives a size as data: give the model a static size there";
  if (typeof dim !== "number") throw new ImportFailure("E0608", `the symbolic size ${dimKey(dim)} is used as data`, hint);
  if (Math.abs(dim) === Number.MAX_SAFE_INTEGER) throw new ImportFailure("E0608", "an integer beyond 2^53 is computed from constants");
  return dim;
}

/** Canonical bytes of numbers that fit the dtype. */
export function encodeNumbers(dtype: DType, shape: readonly number[], numbers: readonly number[]): Uint8Array {
  const data = allocateData(dtype, numbers.length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.set(numbers.map(BigInt));
  else data.set(numbers);
  return encodeTensor({ dtype, shape, data });
}
