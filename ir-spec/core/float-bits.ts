/** @file f16 and bf16 as bits, rounded to nearest even. NaN payloads keep their top bits. */

const scratch = new DataView(new ArrayBuffer(8));

export function f32Bits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

export function f32FromBits(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

/** Nearest-even rounding of a double straight to f16 (no double rounding through f32). */
export function f16Bits(value: number): number {
  scratch.setFloat64(0, value);
  const sign = (scratch.getUint8(0) & 0x80) << 8;
  if (Number.isNaN(value)) return sign | 0x7e00 | ((scratch.getUint32(0) >>> 10) & 0x1ff);
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundEven(size / 2 ** -24);
  const exponent = Math.floor(Math.log2(size));
  const e = size < 2 ** exponent ? exponent - 1 : size >= 2 ** (exponent + 1) ? exponent + 1 : exponent;
  return sign | (((e + 14) << 10) + roundEven(size / 2 ** (e - 10)));
}

export function f16FromBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31)
    return fraction === 0 ? sign * Number.POSITIVE_INFINITY : f32FromBits(((bits & 0x8000) << 16) | 0x7f800000 | (fraction << 13));
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Nearest-even rounding of a double straight to bf16. */
export function bf16Bits(value: number): number {
  scratch.setFloat64(0, value);
  const sign = (scratch.getUint8(0) & 0x80) << 8;
  if (Number.isNaN(value)) return sign | 0x7fc0 | ((scratch.getUint32(0) >>> 13) & 0x3f);
  const size = Math.abs(value);
  if (size < 2 ** -126) return sign | roundEven(size / 2 ** -133);
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7f80;
  const exponent = Math.floor(Math.log2(size));
  const e = size < 2 ** exponent ? exponent - 1 : size >= 2 ** (exponent + 1) ? exponent + 1 : exponent;
  if (e > 127) return sign | 0x7f80;
  return sign | Math.min(0x7f80, ((e + 126) << 7) + roundEven(size / 2 ** (e - 7)));
}

export function bf16FromBits(bits: number): number {
  return f32FromBits(bits << 16);
}

/** Round half to even, for values far below 2^53. */
export function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
