/**
 * @file Builds an example page: its scripts bundled with esbuild, its model compiled, the policy written into its HTML, all into the page's `dist/`. The runtime comes from
 * the sources here under its public names; what else than the page and the runtime would be in the bundle fails the build.
 */
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";
import type { PageFacts } from "../../examples/page/facts.ts";
import { ROOT } from "../paths.mjs";
import { CONTENT_SECURITY_POLICY } from "./policy.ts";

export interface PageModel {
  /** The `.tsr`. */
  readonly bytes: Uint8Array;
  /** Length of what it was compiled from, weights included. */
  readonly sourceBytes: number;
}

export interface PageOptions {
  /** Folder of the page, with `index.html`, `style.css` and the entries. */
  readonly page: string;
  /** Scripts that the page or a worker names. */
  readonly entries: readonly string[];
  readonly model: PageModel | null;
  /** Default: `dist` in the page's folder. */
  readonly outFolder?: string;
}

/** Public entries of the package that a page may import, and where they are in a checkout. */
const RUNTIME = {
  "tersor/runtime": "runtime/index.ts",
  "tersor/runtime/wasm": "runtime/backends/wasm/index.ts",
  "tersor/runtime/webgpu": "runtime/backends/webgpu/index.ts",
};

/** What may be in a page: the examples' own browser code and the runtime. */
const ALLOWED = /^(examples\/[a-z-]*page\/|runtime\/|ir-spec\/(core|format)\/|node_modules\/flatbuffers\/)/;

export async function buildPage({ page, entries, model, outFolder = join(page, "dist") }: PageOptions): Promise<PageFacts> {
  const scripts = await bundle(entries.map((entry) => join(page, entry)));
  const [always, lazy] = [false, true].map((wanted) => sizeOf(scripts.filter((script) => script.lazy === wanted)));
  const facts: PageFacts = {
    scriptBytes: always?.raw ?? 0,
    scriptGzipBytes: always?.gzip ?? 0,
    lazyScriptBytes: lazy?.raw ?? 0,
    lazyScriptGzipBytes: lazy?.gzip ?? 0,
    modelBytes: model?.bytes.length ?? null,
    sourceBytes: model?.sourceBytes ?? null,
  };
  const html = readFileSync(join(page, "index.html"), "utf8").replace("CONTENT-SECURITY-POLICY", CONTENT_SECURITY_POLICY);
  writeFolder(outFolder, (folder) => {
    for (const { name, contents } of scripts) writeFileSync(join(folder, name), contents);
    cpSync(join(page, "style.css"), join(folder, "style.css"));
    writeFileSync(join(folder, "index.html"), html);
    writeFileSync(join(folder, "facts.json"), `${JSON.stringify(facts)}\n`);
    if (model) writeFileSync(join(folder, "model.tsr"), model.bytes);
  });
  return facts;
}

interface Script {
  readonly name: string;
  readonly contents: Uint8Array;
  /** Reached through `import()` alone. */
  readonly lazy: boolean;
}

function sizeOf(scripts: readonly Script[]): { readonly raw: number; readonly gzip: number } {
  return scripts.reduce(
    ({ raw, gzip }, { contents }) => ({ raw: raw + contents.length, gzip: gzip + gzipSync(contents, { level: 9 }).length }),
    { raw: 0, gzip: 0 },
  );
}

/** @throws Error when the page reaches for more than the runtime */
async function bundle(entryPoints: readonly string[]): Promise<readonly Script[]> {
  const alias = Object.fromEntries(Object.entries(RUNTIME).map(([name, source]) => [name, join(ROOT, source)]));
  const { outputFiles, metafile } = await build({
    entryPoints: [...entryPoints],
    absWorkingDir: ROOT,
    outdir: ROOT,
    entryNames: "[name]",
    chunkNames: "[name]-[hash]",
    alias,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    legalComments: "none",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const foreign = foreignInputs(metafile);
  if (foreign.length > 0) throw new Error(`a page may hold only its own code and the runtime, not ${foreign.join(", ")}`);
  const always = fetchedAlways(
    metafile,
    entryPoints.map((entry) => relative(ROOT, entry)),
  );
  return outputFiles.map(({ path, contents }) => ({ name: basename(path), contents, lazy: !always.has(basename(path)) }));
}

/** Names of the scripts that the entries import, and that these import, without `import()`. */
function fetchedAlways({ outputs }: Metafile, entries: readonly string[]): ReadonlySet<string> {
  const fetched = Object.keys(outputs).filter((path) => entries.includes(outputs[path]?.entryPoint ?? ""));
  for (const path of fetched) {
    const imported = outputs[path]?.imports.filter(({ kind }) => kind === "import-statement") ?? [];
    for (const one of imported) if (!fetched.includes(one.path)) fetched.push(one.path);
  }
  return new Set(fetched.map((path) => basename(path)));
}

export function foreignInputs({ inputs }: Pick<Metafile, "inputs">): readonly string[] {
  return Object.keys(inputs)
    .filter((input) => !ALLOWED.test(input))
    .sort();
}

/** The folder is replaced when its new content stands, whole. */
function writeFolder(folder: string, write: (temporary: string) => void): void {
  const temporary = `${folder}-${process.pid}.tmp`;
  mkdirSync(temporary, { recursive: true });
  try {
    write(temporary);
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
