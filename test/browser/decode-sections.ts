/** @file Decodes sections and gives their bytes: the same function in Node and, bundled, in the browser. Imports the runtime alone. */
import { decoderTable, openFile, type RuntimeDType } from "../../runtime/index.ts";

/** What can cross over to the browser: bytes are in base64. */
export interface CodedSection {
  readonly codec: string;
  readonly dtype: RuntimeDType;
  readonly shape: readonly number[];
  readonly rawLength: number;
  readonly stored: string;
  readonly params: string;
}

const decoders = decoderTable();

/** Per section its bytes in base64, as characters. */
export function decodeSections(sections: readonly CodedSection[]): readonly string[] {
  return sections.map(({ codec, dtype, shape, rawLength, stored, params }) => {
    const decoder = decoders.get(codec);
    if (!decoder) throw new Error(`no decoder ${codec}`);
    return toBase64(decoder.decode({ stored: fromBase64(stored), params: fromBase64(params), rawLength, dtype, shape }));
  });
}

/** All sections of a file, one after the other. */
export function decodeFile(file: string): readonly string[] {
  const opened = openFile(fromBase64(file));
  return opened.view.sections.map((_, i) => toBase64(opened.sectionBytes(i)));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
