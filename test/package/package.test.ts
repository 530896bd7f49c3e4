/**
 * @file The package as people install it: what the tarball holds, its types for a stranger, its command line, and the runtime through four bundlers, each bundle run on a model
 * that the installed compiler made, one of them in Chromium. `npm run test:package` does the same with a real `npm install`.
 */
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build as vite } from "vite";
import { servePage } from "../../scripts/pages/server.ts";
import { hasChromium, launch, openPage } from "../browser/chromium.ts";
import { ROOT } from "../support/data.ts";
import { command, installTersor, type Packed, packageJson, packTersor } from "../support/packed.ts";
import { need } from "../support/skip.ts";
import { bundlers } from "./bundlers.ts";

/** Bytes of the runtime and the wasm backend in a bundle, gzip level 9. */
const GZIP_BUDGET = 96_000;

const project = realpathSync(mkdtempSync(join(tmpdir(), "tersor-package-")));
const model = join(project, "model.tsr");
let packed: Packed;
let installed = "";

interface Answers {
  readonly answer: { readonly tensor: readonly number[]; readonly picture: readonly number[] };
  readonly damaged: string;
}
/** Of the bundle before. */
let answers: Answers | null = null;

test.before(async () => {
  packed = await packTersor(project);
  installed = await installTersor(project, packed);
  for (const folder of ["app", "types"]) cpSync(fileURLToPath(new URL(folder, import.meta.url)), project, { recursive: true });
});

test.after(() => rmSync(project, { recursive: true, force: true }));

test("the tarball holds the built package, the bundled digits model and the documents; no source, test or data", () => {
  const expected =
    /^(dist\/[\w./-]+\.(js|js\.map|d\.ts)|examples\/digits\/([\w-]+\.(tir|bin)|README\.md)|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/;
  assert.equal(
    packed.files.filter((file) => !expected.test(file)),
    [],
  );
  for (const [name, target] of Object.entries(packageJson.exports)) {
    for (const file of typeof target === "string" ? [target] : [target.types, target.default])
      assert.ok(packed.files.includes(file.replace("./", "")), `${name}: ${file}`);
  }
  for (const kind of [".tir", ".bin"]) assert.is(packed.files.filter((file) => file.endsWith(kind)).length, 1, kind);
  process.stdout.write(`\ntarball: ${packed.size} bytes, ${packed.files.length} files\n`);
});

/** A module that looks at the types of every public entry. */
function everyExport(): string {
  const entries = Object.entries(packageJson.exports).filter(([, target]) => typeof target !== "string");
  return entries.map(([name], i) => `export * as entry${i} from "tersor/${name.replace("./", "")}";`).join("\n");
}

for (const [resolution, module] of [
  ["bundler", "esnext"],
  ["nodenext", "nodenext"],
] as const) {
  test(`its types compile strictly, with moduleResolution ${resolution}, lib dom alone and no skipLibCheck`, async () => {
    const config = join(project, `tsconfig.${resolution}.json`);
    const compilerOptions = {
      module,
      moduleResolution: resolution,
      target: "es2022",
      lib: ["es2022", "dom"],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
    };
    writeFileSync(config, JSON.stringify({ compilerOptions, include: ["use.mts", "wrong.mts", "every-export.mts"] }));
    writeFileSync(join(project, "every-export.mts"), everyExport());
    await command(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", config], project);
  });
}

test("the installed command compiles the model that came with the package", async () => {
  const source = packed.files.find((file) => file.endsWith(".tir")) ?? "";
  const { bin } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as { readonly bin: { readonly tersor: string } };
  writeFileSync(join(project, "preprocessing.json"), "{}");
  const args = ["compile", join(installed, source), "-o", model, "--preset", "default", "--preprocess", "preprocessing.json", "--json"];
  const { bytesIn, bytesOut } = JSON.parse(await command(process.execPath, [join(installed, bin.tersor), ...args], project));
  assert.is(readFileSync(model).length, bytesOut);
  assert.ok(bytesIn > 0);
});

/** Original sources of what the bundle took from the package, relative to the repository, and other modules relative to the project. */
function originsOf(modules: readonly string[]): readonly string[] {
  const origins = modules.flatMap((module) => {
    if (module.startsWith("\0")) return [];
    const path = resolve(module);
    if (!path.startsWith(installed + sep)) return [relative(realpathSync(ROOT), path).split(sep).join("/")];
    const { sources } = JSON.parse(readFileSync(`${path}.map`, "utf8")) as { readonly sources: readonly string[] };
    return sources.map((source) =>
      relative(installed, resolve(dirname(path), source))
        .split(sep)
        .join("/"),
    );
  });
  return [...new Set(origins)].sort();
}

const RUNTIME = /^(runtime\/|ir-spec\/(core|format)\/|node_modules\/flatbuffers\/)/;
const inProject = (origin: string): boolean => origin.startsWith("..");

for (const [name, bundle] of Object.entries(bundlers)) {
  test(`${name}: the runtime bundles without the compiler, and the bundle runs in Node`, async () => {
    const { file, modules } = await bundle(project);
    const origins = originsOf(modules);
    assert.ok(origins.includes("runtime/session.ts"), `${origins.length} modules, no session among them`);
    assert.equal(
      origins.filter((origin) => !RUNTIME.test(origin) && !inProject(origin)),
      [],
    );
    const code = readFileSync(file);
    const gzip = gzipSync(code, { level: 9 }).length;
    process.stdout.write(`\n${name}: ${code.length} bytes, ${gzip} bytes gzip\n`);
    assert.not.match(code.toString("utf8"), /chevrotain|protobuf|from\s*["']node:/);
    if (name !== "rollup") assert.ok(gzip <= GZIP_BUDGET, `${gzip} bytes gzip, budget ${GZIP_BUDGET}`);
    const run = JSON.parse(await command(process.execPath, ["run.mjs", file, model], project)) as Answers;
    assert.is(run.answer.tensor.length, 10);
    assert.ok(Math.abs(run.answer.tensor.reduce((a, b) => a + b, 0) - 1) < 1e-5);
    assert.equal(run.answer.picture, run.answer.tensor);
    assert.match(run.damaged, /^R01\d\d$/);
    if (answers) assert.equal(run, answers, "all bundles answer alike");
    answers = run;
  });
}

test("an app of Vite runs in Chromium with the same answer, under the pages' policy", async () => {
  if (!need("chromium", hasChromium, "the installed package in Chromium")) return;
  const outDir = join(project, "out-page");
  await vite({ root: project, base: "./", configFile: false, logLevel: "error", build: { outDir, target: "es2022" } });
  cpSync(model, join(outDir, "model.tsr"));
  const server = await servePage(outDir);
  const browser = await launch();
  try {
    const { page, problems } = await openPage(browser, server.url);
    await page.waitForFunction(() => document.querySelector("output")?.value !== "");
    const answer = await page.evaluate(() => document.querySelector("output")?.value ?? "");
    assert.equal(JSON.parse(answer), answers?.answer);
    assert.equal(await problems(), []);
  } finally {
    await browser.close();
    await server.close();
  }
});

test.run();
