/** @file A process that judges cases as it is told to, one at a time: what it cannot survive (a hang, no memory left) costs one process and one case, not the run. */
import { readFileSync } from "node:fs";
import { deserialize } from "node:v8";
import { CaseMaker, type Kind } from "./cases.ts";
import type { Seed } from "./corpus.ts";
import { judge, type Verdict } from "./judge.ts";
import { caseBytes } from "./limits.ts";
import { MemoryMeter } from "./memory.ts";

export interface Order {
  readonly seed: number;
  readonly kind: Kind;
  readonly index: number;
}

export interface Answer extends Verdict {
  readonly order: Order;
  readonly milliseconds: number;
  readonly bytes: number;
  readonly fileBytes: number;
  readonly from: string;
  readonly how: string;
}

const [, , corpusFile = ""] = process.argv;
const corpus = deserialize(readFileSync(corpusFile)) as readonly Seed[];
const maker = new CaseMaker(corpus);

/** Everything that is loaded once (grammar, WebAssembly module) is loaded before anything is measured. */
async function warmUp(): Promise<void> {
  for (const kind of ["tsr-checked", "onnx", "tir"] as const) {
    const format = kind === "tsr-checked" ? "tsr" : kind;
    for (const seed of corpus.filter((s) => s.format === format).slice(0, 4))
      await judge({ kind, index: 0, bytes: seed.bytes, seed, how: "" });
  }
}

await warmUp();
const meter = new MemoryMeter();

async function answer(order: Order): Promise<Answer> {
  const given = maker.make(order.seed, order.kind, order.index);
  const { length } = given.bytes;
  const run = async () => {
    const [started, spent] = [performance.now(), process.cpuUsage()];
    const measured = await meter.measure(() => judge(given));
    const { user, system } = process.cpuUsage(spent);
    // A machine that is busy with other things does not make a case slow.
    return { ...measured, milliseconds: Math.min(performance.now() - started, (user + system) / 1000) };
  };
  let result = await run();
  if (result.bytes > caseBytes(length)) {
    meter.clean();
    result = await run();
  }
  return {
    order,
    ...result.value,
    milliseconds: result.milliseconds,
    bytes: result.bytes,
    fileBytes: length,
    from: given.seed.name,
    how: given.how,
  };
}

process.on("message", (order: Order) => {
  void answer(order).then((reply) => process.send?.(reply));
});
process.send?.("ready");
