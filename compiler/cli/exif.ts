/** @file The one thing that EXIF is read for: how the camera was held (tag 0x0112, values 1 to 8). Layout: JEITA CP-3451; TIFF 6.0. Anything odd reads as upright. */
import type { RgbaImage } from "../../runtime/index.ts";

const upright = 1;

/** Orientation of a JPEG file, 1 to 8. */
export function orientationOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1];
    const length = view.getUint16(at + 2);
    if (marker === 0xda || length < 2) return upright;
    const end = Math.min(at + 2 + length, bytes.length);
    if (marker === 0xe1 && isExif(bytes, at + 4, end))
      return tiffOrientation(new DataView(bytes.buffer, bytes.byteOffset + at + 10, end - at - 10));
    at += 2 + length;
  }
  return upright;
}

/** `Exif` and two zeros. */
function isExif(bytes: Uint8Array, at: number, end: number): boolean {
  return end - at >= 6 + 8 && [0x45, 0x78, 0x69, 0x66, 0, 0].every((byte, i) => bytes[at + i] === byte);
}

function tiffOrientation(view: DataView): number {
  const little = view.getUint16(0) === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return upright;
  const count = view.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + 12 * i;
    if (entry + 12 > view.byteLength) return upright;
    if (view.getUint16(entry, little) !== 0x0112) continue;
    const value = view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? value : upright;
  }
  return upright;
}

/** Orientations from 5 on swap the axes; the others mirror one, the other or both. */
export function oriented(image: RgbaImage, orientation: number): RgbaImage {
  if (orientation === upright) return image;
  const swap = orientation >= 5;
  const mirrorX = [2, 3, 7, 8].includes(orientation);
  const mirrorY = [3, 4, 6, 7].includes(orientation);
  const { width: w, height: h } = image;
  const [width, height] = swap ? [h, w] : [w, h];
  const data = new Uint8Array(w * h * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [a, b] = swap ? [y, x] : [x, y];
      const from = 4 * ((mirrorY ? h - 1 - b : b) * w + (mirrorX ? w - 1 - a : a));
      data.set(image.data.subarray(from, from + 4), 4 * (y * width + x));
    }
  }
  return { data, width, height };
}
