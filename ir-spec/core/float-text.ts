/**
 * @file Floats as text, from and to their bits. Decimals are the shortest that read back to the same bits *in that format* (the rule of
 * ECMAScript's Number::toString, carried over to f32, f16 and bf16); a decimal is read as f64, then rounded to nearest-even into the
 * format. NaNs keep sign and all significand bits, so no f32 NaN ever passes through a number. Candidates are found with exact
 * integers and tried with the real reader: slower than Ryu, but right by construction, also where reading rounds twice.
 */
import { bf16Bits, bf16FromBits, f16Bits, f16FromBits, f32Bits, f32FromBits } from "./float-bits.ts";

export type FloatFormat = "f64" | "f32" | "f16" | "bf16";

interface Layout {
  readonly exponentBits: number;
  readonly fractionBits: number;
}

const layouts: { readonly [F in FloatFormat]: Layout } = {
  f64: { exponentBits: 11, fractionBits: 52 },
  f32: { exponentBits: 8, fractionBits: 23 },
  f16: { exponentBits: 5, fractionBits: 10 },
  bf16: { exponentBits: 8, fractionBits: 7 },
};

/** One float, taken apart. */
interface Parts {
  readonly negative: boolean;
  readonly exponent: number;
  readonly fraction: bigint;
}

const scratch = new DataView(new ArrayBuffer(8));

export function f64Bits(value: number): bigint {
  scratch.setFloat64(0, value);
  return scratch.getBigUint64(0);
}

export function f64FromBits(bits: bigint): number {
  scratch.setBigUint64(0, bits);
  return scratch.getFloat64(0);
}

/** Value of bits that are no NaN, as an exact double. */
function numberOf(format: FloatFormat, bits: bigint): number {
  if (format === "f64") return f64FromBits(bits);
  const word = Number(bits);
  return format === "f32" ? f32FromBits(word) : format === "f16" ? f16FromBits(word) : bf16FromBits(word);
}

/** Bits of a double that is no NaN, rounded to nearest-even into the format. */
function bitsOf(format: FloatFormat, value: number): bigint {
  if (format === "f64") return f64Bits(value);
  return BigInt(format === "f32" ? f32Bits(value) : format === "f16" ? f16Bits(value) : bf16Bits(value));
}

function split(format: FloatFormat, bits: bigint): Parts {
  const { exponentBits, fractionBits } = layouts[format];
  return {
    negative: bits >> BigInt(exponentBits + fractionBits) !== 0n,
    exponent: Number((bits >> BigInt(fractionBits)) & ((1n << BigInt(exponentBits)) - 1n)),
    fraction: bits & ((1n << BigInt(fractionBits)) - 1n),
  };
}

/** The canonical text of a float's bits: `0.1`, `-0.0`, `1e-7`, `inf`, `-nan`, `nan:0x200001`; with `hex`, finite values as `0x1.8p-7`. */
export function printFloat(format: FloatFormat, bits: bigint, hex = false): string {
  const { exponentBits, fractionBits } = layouts[format];
  const parts = split(format, bits);
  const sign = parts.negative ? "-" : "";
  if (parts.exponent === (1 << exponentBits) - 1) {
    if (parts.fraction === 0n) return `${sign}inf`;
    const quiet = 1n << BigInt(fractionBits - 1);
    return parts.fraction === quiet ? `${sign}nan` : `${sign}nan:0x${parts.fraction.toString(16)}`;
  }
  if (hex) return sign + hexText(format, parts);
  const magnitude = Math.abs(numberOf(format, bits));
  const text = format === "f64" ? String(magnitude) : shortestDecimal(format, magnitude);
  return sign + withPoint(text.replace("+", ""));
}

function withPoint(text: string): string {
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** Fewest digits first; among equally short ones the closest, then the even one. At most 9 digits are needed below f64. */
function shortestDecimal(format: FloatFormat, value: number): string {
  if (value === 0) return "0";
  const bits = bitsOf(format, value);
  const top = Number(value.toExponential().split("e")[1]);
  for (let digits = 1; digits <= 17; digits++) {
    const scale = top - digits + 1;
    for (const significand of nearestMultiples(value, scale)) {
      const decimal = Number(`${significand}e${scale}`);
      if (bitsOf(format, decimal) === bits) return String(decimal);
    }
  }
  throw new RangeError(`${value} has no decimal of 17 digits`);
}

/** The integers next to value / 10^scale, closest first. */
function nearestMultiples(value: number, scale: number): bigint[] {
  const { exponent, fraction } = split("f64", f64Bits(value));
  const significand = exponent === 0 ? fraction : fraction | (1n << 52n);
  const power = Math.max(exponent, 1) - 1075;
  const numerator = (significand << BigInt(Math.max(power, 0))) * 10n ** BigInt(Math.max(-scale, 0));
  const denominator = (1n << BigInt(Math.max(-power, 0))) * 10n ** BigInt(Math.max(scale, 0));
  const low = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  if (twice === 0n) return [low];
  const lowFirst = twice < denominator || (twice === denominator && low % 2n === 0n);
  return lowFirst ? [low, low + 1n] : [low + 1n, low];
}

/** `0x1.8p-7`: one leading 1 (0 for zero), no trailing zeros. */
function hexText(format: FloatFormat, parts: Parts): string {
  const { exponentBits, fractionBits } = layouts[format];
  const bias = 2 ** (exponentBits - 1) - 1;
  if (parts.exponent === 0 && parts.fraction === 0n) return "0x0p0";
  const significand = parts.exponent === 0 ? parts.fraction : parts.fraction | (1n << BigInt(fractionBits));
  const length = significand.toString(2).length;
  const power = Math.max(parts.exponent, 1) - bias - fractionBits + length - 1;
  const padded = (significand ^ (1n << BigInt(length - 1))) << BigInt((4 - ((length - 1) % 4)) % 4);
  const digits = padded
    .toString(16)
    .padStart(Math.ceil((length - 1) / 4), "0")
    .replace(/0+$/, "");
  return `0x1${digits === "" ? "" : `.${digits}`}p${power}`;
}

const nanPattern = /^(-?)nan(?::0x([0-9a-f]+))?$/;
const hexPattern = /^(-?)0x([0-9a-f]+)(?:\.([0-9a-f]+))?p([+-]?\d+)$/;
const decimalPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/;

/** Bits of a float's text; an integer's text is a float too. `null`: not a number, or a NaN payload that is zero or too wide for the format. */
export function readFloat(format: FloatFormat, text: string): bigint | null {
  if (decimalPattern.test(text)) return bitsOf(format, Number(text));
  if (text === "inf" || text === "-inf") return signed(format, text === "-inf", infinity(format));
  const nan = nanPattern.exec(text);
  if (nan) return readNan(format, nan[1] === "-", nan[2]);
  const hex = hexPattern.exec(text);
  if (!hex) return null;
  const fraction = hex[3] ?? "";
  const magnitude = roundExact(format, BigInt(`0x${hex[2]}${fraction}`), Number(hex[4]) - 4 * fraction.length);
  return signed(format, hex[1] === "-", magnitude);
}

function infinity(format: FloatFormat): bigint {
  const { exponentBits, fractionBits } = layouts[format];
  return ((1n << BigInt(exponentBits)) - 1n) << BigInt(fractionBits);
}

function signed(format: FloatFormat, negative: boolean, magnitude: bigint): bigint {
  const { exponentBits, fractionBits } = layouts[format];
  return negative ? magnitude | (1n << BigInt(exponentBits + fractionBits)) : magnitude;
}

function readNan(format: FloatFormat, negative: boolean, payload: string | undefined): bigint | null {
  const { fractionBits } = layouts[format];
  const fraction = payload === undefined ? 1n << BigInt(fractionBits - 1) : BigInt(`0x${payload}`);
  if (fraction === 0n || fraction >> BigInt(fractionBits) !== 0n) return null;
  return signed(format, negative, infinity(format) | fraction);
}

/** significand * 2^power, rounded once to nearest-even. */
function roundExact(format: FloatFormat, significand: bigint, power: number): bigint {
  const { exponentBits, fractionBits } = layouts[format];
  if (significand === 0n) return 0n;
  const lowest = 2 - 2 ** (exponentBits - 1);
  const top = power + significand.toString(2).length - 1;
  if (top > -lowest + 1) return infinity(format);
  if (top < lowest - fractionBits - 1) return 0n;
  const exponent = Math.max(top, lowest);
  const shift = exponent - fractionBits - power;
  const rounded = shift <= 0 ? significand << BigInt(-shift) : shiftRightEven(significand, BigInt(shift));
  // The leading one of a normal number adds one to the exponent field, as does a carry out of the fraction.
  const bits = (BigInt(exponent - lowest) << BigInt(fractionBits)) + rounded;
  return bits > infinity(format) ? infinity(format) : bits;
}

function shiftRightEven(value: bigint, shift: bigint): bigint {
  const quotient = value >> shift;
  const rest = value - (quotient << shift);
  const half = 1n << (shift - 1n);
  const up = rest > half || (rest === half && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}
