/** @file Whether two opened files hold the same model: the same records, and the same decoded data. */
import type { OpenedFile } from "../../runtime/index.ts";

export function sameFile(a: OpenedFile, b: OpenedFile): boolean {
  if (plainText(a.view) !== plainText(b.view)) return false;
  return a.view.sections.every((_, i) => Buffer.compare(a.sectionBytes(i), b.sectionBytes(i)) === 0);
}

/** The records as text; where the sections lie does not matter. */
function plainText(view: OpenedFile["view"]): string {
  const sections = view.sections.map(({ codec, type, raw }) => ({ codec, type, raw }));
  return JSON.stringify({ ...view, sections }, (_, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value,
  );
}
