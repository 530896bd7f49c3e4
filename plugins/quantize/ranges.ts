/**
 * @file Ranges to scale and zero point: asymmetric i8 per tensor. The range always includes 0, so that 0 (padding, relu) has a code of its own: Jacob et al., "Quantization
 * and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018, section 3.
 */
import type { Range } from "../../compiler/index.ts";
import { TersorError } from "../../ir-spec/index.ts";

export interface AffineParams {
  /** Rounded to f32. */
  readonly scale: number;
  readonly zero: number;
}

const [least, most] = [-128, 127];

/** @throws TersorError E0722 naming the value, where a sample made it NaN or infinite. */
export function affineParams(name: string, ranges: readonly Range[]): AffineParams {
  const broken = ranges.reduce((n, range) => n + range.nonFinite, 0);
  if (broken > 0) {
    throw new TersorError({
      code: "E0722",
      message: `%${name} is NaN or infinite for ${broken} elements of the calibration data: there is no range to quantize`,
      hint: "check the preprocessing of the data",
    });
  }
  const low = Math.min(0, ...ranges.map((range) => range.min));
  const high = Math.max(0, ...ranges.map((range) => range.max));
  const scale = Math.fround(high / (most - least) - low / (most - least));
  // Always 0, or so small that a quotient by the scale would not be exact: any scale serves.
  if (scale < smallestScale) return { scale: 1, zero: 0 };
  return { scale, zero: Math.max(least, Math.min(most, Math.round(least - low / scale))) };
}

const smallestScale = 2 ** -100;
