/** @file A case: a seed of the corpus, damaged. The same seed, kind, number and corpus give the same bytes. */
import type { Format, Seed } from "./corpus.ts";
import { mutateOnnx } from "./mutate-onnx.ts";
import { mutateTir } from "./mutate-tir.ts";
import { mutateChecked, mutateTsr } from "./mutate-tsr.ts";
import { FuzzRandom } from "./random.ts";

export const kinds = ["tsr", "tsr-checked", "onnx", "tir"] as const;
export type Kind = (typeof kinds)[number];

export interface Case {
  readonly kind: Kind;
  readonly index: number;
  readonly bytes: Uint8Array;
  /** The undamaged file. */
  readonly seed: Seed;
  readonly how: string;
}

const formatOf: Readonly<Record<Kind, Format>> = { tsr: "tsr", "tsr-checked": "tsr", onnx: "onnx", tir: "tir" };
const mutators = { tsr: mutateTsr, "tsr-checked": mutateChecked, onnx: mutateOnnx, tir: mutateTir } as const;

export class CaseMaker {
  private readonly corpus: readonly Seed[];

  constructor(corpus: readonly Seed[]) {
    this.corpus = corpus;
  }

  make(seed: number, kind: Kind, index: number): Case {
    const random = new FuzzRandom(seed, kind, index);
    const files = this.corpus.filter(({ format }) => format === formatOf[kind]);
    if (files.length === 0) throw new RangeError(`the corpus has no ${formatOf[kind]} file`);
    // Of two, the smaller nine times in ten: it is damaged in more telling places, and faster.
    const [a, b] = [random.pick(files), random.pick(files)];
    const [smaller, larger] = a.bytes.length <= b.bytes.length ? [a, b] : [b, a];
    const chosen = random.chance(90) ? smaller : larger;
    const others = files.filter(({ bytes }) => bytes.length <= 65536).map(({ bytes }) => bytes);
    let damaged = mutators[kind](chosen.bytes, random, others);
    for (let tries = 0; tries < 8 && Buffer.compare(damaged.bytes, chosen.bytes) === 0; tries++)
      damaged = mutators[kind](chosen.bytes, random, others);
    return { kind, index, ...damaged, seed: chosen };
  }
}
