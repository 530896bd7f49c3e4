/** @file JPEG and PNG files as RGBA pixels, the right way up (EXIF orientation). On the command line only: browsers decode pictures themselves. */
import { convertIndexedToRgb, type DecodedPng, decode as decodePng } from "fast-png";
import { decode as decodeJpeg } from "jpeg-js";
import type { RgbaImage } from "../../runtime/index.ts";
import { DataError } from "../data/errors.ts";
import { orientationOf, oriented } from "./exif.ts";

/** Largest picture that is decoded: a phone's, and a limit for what a small hostile file may unpack to. */
const megapixels = 100;
const memoryMegabytes = 2048;

/** @throws DataError D0102 on other formats, D0104 on damaged files, D0116 on pictures that are too large */
export function decodeImage(bytes: Uint8Array, where: string): RgbaImage {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return oriented(jpeg(bytes, where), orientationOf(bytes));
  if (bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47) return png(bytes, where);
  throw new DataError("D0102", where, "neither a JPEG nor a PNG file");
}

function jpeg(bytes: Uint8Array, where: string): RgbaImage {
  const options = { useTArray: true, formatAsRGBA: true, maxResolutionInMP: megapixels, maxMemoryUsageInMB: memoryMegabytes } as const;
  return attempt(where, () => {
    const { data, width, height } = decodeJpeg(bytes, options);
    return { data, width, height };
  });
}

function png(bytes: Uint8Array, where: string): RgbaImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 24) throw new DataError("D0101", where, `${bytes.length} bytes, a PNG file has at least 24`);
  const pixels = view.getUint32(16) * view.getUint32(20);
  if (pixels > megapixels * 1e6)
    throw new DataError("D0116", where, `${(pixels / 1e6).toFixed(0)} megapixels, at most ${megapixels} are decoded`);
  return attempt(where, () => rgbaOf(decodePng(bytes, { checkCrc: true })));
}

/** 1 to 4 channels of any depth, or palette indices, as 8-bit RGBA. */
function rgbaOf(decoded: DecodedPng): RgbaImage {
  const { width, height, palette } = decoded;
  const source = palette ? convertIndexedToRgb(decoded) : spread(decoded);
  const channels = palette ? source.length / (width * height) : decoded.channels;
  const shift = decoded.depth === 16 ? 8 : 0;
  const colour = channels >= 3;
  const data = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = (source[i * channels + (colour ? c : 0)] as number) >> shift;
    data[4 * i + 3] = channels % 2 === 0 ? (source[(i + 1) * channels - 1] as number) >> shift : 255;
  }
  return { data, width, height };
}

/** Grey of 1, 2 or 4 bits comes packed, each row from a byte of its own; spread to 0 .. 255. */
function spread({ data, width, height, depth, channels }: DecodedPng): ArrayLike<number> {
  if (depth >= 8) return data;
  const rowBytes = Math.ceil((width * channels * depth) / 8);
  const most = 2 ** depth - 1;
  return Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [row, column] = [Math.floor(i / (width * channels)), i % (width * channels)];
    const bit = column * depth;
    const byte = data[row * rowBytes + (bit >> 3)] as number;
    return (((byte >> (8 - depth - (bit & 7))) & most) * 255) / most;
  });
}

function attempt(where: string, decode: () => RgbaImage): RgbaImage {
  try {
    return decode();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new DataError(/maxResolutionInMP|maxMemoryUsage/.test(message) ? "D0116" : "D0104", where, message);
  }
}
