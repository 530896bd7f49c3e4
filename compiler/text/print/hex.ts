/** @file Bytes as lowercase hexadecimal, fast enough for weights: digits as bytes, then one decoding, no string building. */

const decoder = new TextDecoder("latin1");
const digits = new TextEncoder().encode("0123456789abcdef");

export function hexText(bytes: Uint8Array): string {
  const text = new Uint8Array(bytes.length * 2);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    text[2 * i] = digits[byte >> 4] ?? 0;
    text[2 * i + 1] = digits[byte & 15] ?? 0;
  }
  return decoder.decode(text);
}
