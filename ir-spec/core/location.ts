/** @file Where a thing came from: source text or a node of an imported model. A rewrite that replaces several ops lists them all. */

/** `"file":line:col` or `"model.onnx":"NodeName"`: a file and the parts that narrow it down. */
export interface Place {
  readonly file: string;
  readonly parts: readonly (number | string)[];
}

export type Location = readonly Place[];

export const unknownLocation: Location = [];

export function placeEquals(a: Place, b: Place): boolean {
  return a.file === b.file && a.parts.length === b.parts.length && a.parts.every((part, i) => part === b.parts[i]);
}

/** All places of the given locations, each once, in order. */
export function mergeLocations(...locations: readonly Location[]): Location {
  const merged: Place[] = [];
  for (const place of locations.flat()) {
    if (!merged.some((seen) => placeEquals(seen, place))) merged.push(place);
  }
  return merged;
}

export function printLocation(location: Location): string {
  const place = (p: Place) => [p.file, ...p.parts].map((part) => JSON.stringify(part)).join(":");
  return `loc(${location.map(place).join(", ")})`;
}
