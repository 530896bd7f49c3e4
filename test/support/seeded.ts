/** @file Seeded random numbers and tensors for tests (splitmix32). */
import { type DType, dtypeInfo, integerRange, isFloat } from "../../ir-spec/core/dtype.ts";
import { roundedTensor } from "../../ir-spec/core/rounded.ts";
import { countOf, type HostTensor, hostTensor } from "../../ir-spec/core/tensor.ts";

export interface Seeded {
  /** In [0, 1). */
  unit(): number;
  /** An integer in [low, high]. */
  int(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  /** Floats in [-1, 1) times `scale`; integers over their range, or 32 bits' of it. */
  tensor(dtype: DType, shape: readonly number[], scale?: number): HostTensor;
}

export function seeded(seed: number): Seeded {
  let state = seed | 0;
  const unit = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
  const int = (low: number, high: number): number => low + Math.floor(unit() * (high - low + 1));
  return {
    unit,
    int,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new RangeError("nothing to pick from");
      return items[int(0, items.length - 1)] as T;
    },
    tensor: (dtype, shape, scale = 1) => randomTensor(dtype, shape, scale, unit, int),
  };
}

function randomTensor(
  dtype: DType,
  shape: readonly number[],
  scale: number,
  unit: () => number,
  int: (low: number, high: number) => number,
): HostTensor {
  const count = countOf(shape);
  if (isFloat(dtype))
    return roundedTensor(
      dtype,
      shape,
      Float64Array.from({ length: count }, () => (unit() * 2 - 1) * scale),
    );
  const result = hostTensor(dtype, shape);
  const { min, max } = dtypeInfo(dtype).bits > 32 ? integerRange("i32") : integerRange(dtype);
  for (let i = 0; i < count; i++) {
    const value = int(Number(min), Number(max));
    if (result.data instanceof BigInt64Array || result.data instanceof BigUint64Array) result.data[i] = BigInt(Math.abs(value));
    else result.data[i] = value;
  }
  return result;
}
