/** @file `tersor calibrate --target T`: fits the target's cost model on the machine at hand. */
import { cpus } from "node:os";
import type { Command } from "commander";
import { wasm } from "../../../runtime/backends/wasm/index.ts";
import { targetNamed } from "../../compile.ts";
import { type CalibrationSamples, calibrateCosts } from "../../cost/calibration/calibrate.ts";
import { fitErrors } from "../../cost/calibration/fit-errors.ts";
import { referenceKernel } from "../../cost/calibration/reference.ts";
import type { CostProfile, Fingerprint } from "../../cost/profile.ts";
import { createHost } from "../../plugin/host.ts";
import { costOf } from "../../target/target.ts";
import { backendOfTarget } from "../backends.ts";
import { type ConfigFlags, loadConfig } from "../config.ts";
import { UsageError } from "../failure.ts";
import { writeWhole } from "../files.ts";
import { type Output, table } from "../output.ts";

interface Flags extends ConfigFlags {
  readonly target: string;
  readonly output?: string;
  readonly minutes: string;
}

/** Share of the time that goes into compiling, loading and warming up. */
const overhead = 0.45;
const caseCount = 1000;

export function addCalibrate(program: Command, output: () => Output): void {
  program
    .command("calibrate")
    .description("fit a target's cost model on this machine; keep other work away meanwhile")
    .option("-t, --target <name>", "target to measure", "wasm-simd")
    .option("-o, --output <file>", "profile to write; its samples go to FILE.samples.json (default: TARGET.profile.json)")
    .option("--minutes <n>", "about how long, at most 5", "3")
    .addHelpText(
      "after",
      "\nExample:\n  tersor calibrate --target wasm-simd -o laptop.json\n  tersor inspect model.onnx --cost-profile laptop.json",
    )
    .action((flags: Flags) => calibrate(flags, output()));
}

async function calibrate(flags: Flags, output: Output): Promise<void> {
  const minutes = Number(flags.minutes);
  if (!(minutes > 0 && minutes <= 5)) throw new UsageError(`--minutes ${flags.minutes} must be above 0 and at most 5`);
  const host = createHost((await loadConfig(flags)).plugins);
  const target = targetNamed(host, flags.target);
  const runs = backendOfTarget(target.name);
  if (!runs) throw new UsageError(`no backend of this program runs target ${target.name}`);
  const { make, name } = runs;
  const file = flags.output ?? `${target.name}.profile.json`;
  const reference = await referenceKernel(targetNamed(host, "wasm-simd"), wasm(), host.ops);
  const bar = output.progress(`calibrate ${target.name}`);
  const { families } = costOf(target);
  const started = performance.now();
  const { profile, samples } = await calibrateCosts({
    target,
    families,
    backend: make(),
    registry: host.ops,
    reference,
    machine: machine(name),
    deadline: minutes * 60_000,
    budget: (minutes * 60_000 * (1 - overhead)) / caseCount,
    onProgress: (fraction, note) => bar.update(fraction, note),
  });
  bar.done();
  reference.dispose();
  const samplesFile = `${file.replace(/\.json$/, "")}.samples.json`;
  await writeWhole(file, new TextEncoder().encode(profileText(profile)));
  await writeWhole(samplesFile, new TextEncoder().encode(samplesText(samples)));
  report(profile, samples, { file, samplesFile, seconds: (performance.now() - started) / 1000 }, output);
}

/** One line a family, so that two profiles can be compared. */
export function profileText(profile: CostProfile): string {
  const kernels = Object.entries(profile.kernels).map(([family, terms]) => `    ${JSON.stringify(family)}: ${JSON.stringify(terms)}`);
  const lines = Object.entries(profile).map(([key, value]) =>
    key === "kernels" ? `  "kernels": {\n${kernels.join(",\n")}\n  }` : `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  return `{\n${lines.join(",\n")}\n}\n`;
}

/** One line a sample. */
export function samplesText({ families, runs, ...rest }: CalibrationSamples): string {
  const groups = families.map(
    ({ samples, ...group }) =>
      `    ${JSON.stringify(group).slice(0, -1)}, "samples": [\n${samples.map((s) => `      ${JSON.stringify(s)}`).join(",\n")}\n    ]}`,
  );
  const head = Object.entries(rest).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n${[...head, `  "families": [\n${groups.join(",\n")}\n  ]`, `  "runs": [\n${runs.map((r) => `    ${JSON.stringify(r)}`).join(",\n")}\n  ]`].join(",\n")}\n}\n`;
}

export function machine(engine: string): Fingerprint {
  const [cpu] = cpus();
  const { versions, arch } = process;
  return { cpu: cpu?.model ?? "unknown", cores: cpus().length, arch, engine: `${engine}, Node ${versions.node}, V8 ${versions.v8}` };
}

function report(
  profile: CostProfile,
  samples: CalibrationSamples,
  { file, samplesFile, seconds }: { readonly file: string; readonly samplesFile: string; readonly seconds: number },
  output: Output,
): void {
  const errors = fitErrors(profile, samples);
  const rows = errors.map((e) => [e.family, `${e.samples}`, percent(e.median), percent(e.within20)]);
  const text = [
    table(["kernels", "samples", "median error", "within 20 %"], rows),
    `reference kernel ${profile.referenceMicroseconds} us; ${seconds.toFixed(0)} s`,
    `wrote ${file} and ${samplesFile}`,
  ].join("\n");
  output.result({ target: profile.target, output: file, samples: samplesFile, seconds, families: errors }, text);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
