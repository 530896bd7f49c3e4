/**
 * @file `npm run calibrate:ship [-- TARGET ...]`: calibrates on this machine and makes what it found the profiles that the package ships (`compiler/cost/profiles/*.ts`), with the samples
 * under `bench/calibration`. For maintainers, on a quiet machine. On Node 20 relaxed SIMD wants `node --experimental-wasm-relaxed-simd`; WebGPU on a software driver wants its name in TERSOR_ADAPTER.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { backendOfTarget } from "../compiler/cli/backends.ts";
import { machine, profileText, samplesText } from "../compiler/cli/commands/calibrate.ts";
import { calibrateCosts } from "../compiler/cost/calibration/calibrate.ts";
import { referenceKernel } from "../compiler/cost/calibration/reference.ts";
import { createHost, targetNamed } from "../compiler/index.ts";
import { costOf } from "../compiler/target/target.ts";
import { wasm } from "../runtime/backends/wasm/index.ts";

/** How much a slow target can take in five minutes. */
const limits: Readonly<Record<string, { readonly every?: number; readonly mostMacs?: number; readonly budget?: number }>> = {
  "wasm-simd": { budget: 60 },
  "wasm-relaxed-simd": { budget: 60 },
  "ort-cpu": { budget: 60 },
  webgpu: { mostMacs: 4e6, budget: 20, every: 2 },
  "webgpu-f16": { mostMacs: 4e6, budget: 20, every: 2 },
  reference: { mostMacs: 4e5, budget: 20 },
};

const names = process.argv.slice(2);
const host = createHost();
const reference = await referenceKernel(targetNamed(host, "wasm-simd"), wasm(), host.ops);
for (const name of names.length > 0 ? names : Object.keys(limits)) {
  const target = targetNamed(host, name);
  const backend = backendOfTarget(name);
  if (!backend) throw new RangeError(`no backend runs ${name}`);
  const started = performance.now();
  const { profile, samples } = await calibrateCosts({
    target,
    families: costOf(target).families,
    backend: backend.make(),
    registry: host.ops,
    reference,
    machine: {
      ...machine(backend.name),
      ...(name.startsWith("webgpu") ? { adapter: process.env.TERSOR_ADAPTER ?? "llvmpipe (software)" } : {}),
    },
    deadline: 280_000,
    ...limits[name],
  });
  const constant = name.replace(/-([a-z0-9])/g, (_, c: string) => c.toUpperCase());
  const text = `/** @file The cost profile of ${name}: \`npm run calibrate:ship -- ${name}\`; samples in \`bench/calibration/${name}.samples.json\`. */
import type { CostProfile } from "../profile.ts";

// biome-ignore format: one line a family, as the profile's JSON
export const ${constant}: CostProfile = ${profileText(profile).trimEnd()};
`;
  write(new URL(`../compiler/cost/profiles/${name}.ts`, import.meta.url), text);
  write(new URL(`../bench/calibration/${name}.samples.json`, import.meta.url), samplesText(samples));
  console.log(`${name}: ${samples.runs.length} cases in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}
reference.dispose();

function write(url: URL, text: string): void {
  mkdirSync(dirname(fileURLToPath(url)), { recursive: true });
  writeFileSync(url, text);
}
