/**
 * @file The reference kernel: a product of two 128x128 f32 matrices on the wasm backend, one thread, a few tenths of a millisecond. It takes turns with whatever is measured, so it tells how fast the machine
 * is at that moment; times divided by its time do not follow the clock, and compare machines.
 */
import type { OpRegistry } from "../../../ir-spec/index.ts";
import { type Backend, load, type Session, Tensor } from "../../../runtime/index.ts";
import { emitFile } from "../../emit/emit.ts";
import { lower } from "../../lower/lower.ts";
import type { TargetSpec } from "../../target/target.ts";
import { compilerVersion } from "../../version.ts";
import { Net } from "./net.ts";

const side = 128;

export interface ReferenceKernel {
  /** Microseconds now: the median of `runs`. */
  time(runs?: number): number;
  dispose(): void;
}

/** `target` and `backend`: `wasm-simd` and `wasm()`. */
export async function referenceKernel(target: TargetSpec, backend: Backend, registry: OpRegistry): Promise<ReferenceKernel> {
  const net = new Net("reference", registry, [side, side]);
  const module = net.finish(net.one("nn.linear", [net.input, net.weight(side, side), null]));
  const { module: plan } = lower(module, target, registry);
  const session = await load(
    emitFile({ plans: [{ target: target.name, module: plan }], build: { tersor: compilerVersion, pipeline: "" } }),
    {
      backends: [backend],
    },
  );
  const x = new Tensor(
    "f32",
    Float32Array.from({ length: side * side }, (_, i) => (i % 13) / 13),
    [side, side],
  );
  const once = () => onlyStep(session, x);
  for (let i = 0; i < 30; i++) once();
  return {
    time: (runs = 3) => median(Array.from({ length: runs }, once)),
    dispose: () => session.dispose(),
  };
}

function onlyStep(session: Session, x: Tensor): number {
  return session.profile({ x }).reduce((sum, { ms }) => sum + ms * 1000, 0);
}

/** Of an even number the lower of the middle two. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? Number.NaN;
}
