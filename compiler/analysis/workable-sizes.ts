/**
 * @file Sizes at which a model can run, for commands that make up inputs: what is required of dims holds, and no value is empty. The smallest of a list that all free symbols take together, then each as
 * small as it can be with the others: most models take 1, detectors a multiple of their stride, speech models a window.
 */
import { type Dim, dimSymbols, evaluateDim, type Module, mainFunction, valueInfo } from "../../ir-spec/index.ts";

/** Up to 16 all, then what strides, tiles, windows and sample rates ask for. */
const candidates: readonly number[] = [
  ...Array.from({ length: 16 }, (_, i) => i + 1),
  ...[20, 24, 32, 48, 64, 80, 96, 100, 112, 128, 160, 192, 224, 256, 320, 384, 400, 480, 512, 576, 640, 768, 800, 960],
  ...[1024, 1280, 1536, 2048, 3072, 4096, 8000, 8192, 16000, 16384, 22050, 24000, 32000, 44100, 48000],
];

/** Sizes of every symbol of the inputs; those of `given` are kept. Everything else is 1 where no size of the list works for all. */
export function workableSizes(module: Module, given: ReadonlyMap<string, number> = new Map()): ReadonlyMap<string, number> {
  const func = mainFunction(module);
  const shapes = func.params.map((id) => valueInfo(func, id).type.shape);
  const all = new Set(shapes.flatMap((shape) => shape.flatMap((dim) => [...dimSymbols(dim)])));
  const dims = [...new Map(func.values.flatMap(({ type }) => type.shape).flatMap(known)).values()];
  // A symbol that only a run tells has no size here.
  const checkable = dims.filter((dim) => [...dimSymbols(dim)].every((symbol) => all.has(symbol)));
  const works = (sizes: ReadonlyMap<string, number>): boolean =>
    func.requires.every(({ left, right }) => value(left, sizes) === value(right, sizes)) &&
    checkable.every((dim) => (value(dim, sizes) ?? 0) >= 1);
  const evenly = (size: number) => new Map([...all].map((symbol) => [symbol, given.get(symbol) ?? size]));
  const found = candidates.find((size) => works(evenly(size)));
  const sizes = evenly(found ?? 1);
  if (found === undefined) return sizes;
  for (const symbol of all) {
    const least = given.has(symbol) ? undefined : candidates.find((size) => size <= found && works(new Map([...sizes, [symbol, size]])));
    if (least !== undefined) sizes.set(symbol, least);
  }
  return sizes;
}

const known = (dim: Dim): readonly (readonly [string, Dim])[] => (typeof dim === "number" ? [] : [[dim.key, dim]]);

/** null: it divides by zero, or a symbol is unbound. */
function value(dim: Dim, sizes: ReadonlyMap<string, number>): number | null {
  try {
    return evaluateDim(dim, sizes);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
