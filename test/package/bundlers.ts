/** @file Vite, Rollup, webpack and esbuild, each as an app's build would call it, with the project as its root. What comes out is one ES module and what is inside it. */
import { join } from "node:path";
import { promisify } from "node:util";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { build as esbuild } from "esbuild";
import { rollup } from "rollup";
import { build as vite } from "vite";
import webpack from "webpack";

export interface Bundled {
  /** Path of the ES module. */
  readonly file: string;
  /** Absolute paths of what went into it. */
  readonly modules: readonly string[];
}

export type Bundler = (project: string) => Promise<Bundled>;

const ENTRY = "classify.mjs";

export const bundlers: Readonly<Record<string, Bundler>> = {
  async vite(project) {
    const result = await vite({
      root: project,
      configFile: false,
      logLevel: "error",
      build: {
        outDir: "out-vite",
        target: "es2022",
        lib: { entry: join(project, ENTRY), formats: ["es"], fileName: () => "bundle.js" },
      },
    });
    const [output] = [result].flat();
    if (!output || !("output" in output)) throw new Error("vite is watching");
    const modules = output.output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
    return { file: join(project, "out-vite/bundle.js"), modules };
  },

  async rollup(project) {
    const bundle = await rollup({
      input: join(project, ENTRY),
      plugins: [nodeResolve({ browser: true })],
      onwarn(warning) {
        throw new Error(warning.message);
      },
    });
    const file = join(project, "out-rollup/bundle.js");
    const { output } = await bundle.write({ file, format: "es" });
    await bundle.close();
    return { file, modules: output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : [])) };
  },

  async esbuild(project) {
    const file = join(project, "out-esbuild/bundle.js");
    const { metafile, warnings } = await esbuild({
      absWorkingDir: project,
      entryPoints: [ENTRY],
      outfile: file,
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      target: "es2022",
      metafile: true,
      logLevel: "silent",
    });
    if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join("\n"));
    return { file, modules: Object.keys(metafile.inputs).map((path) => join(project, path)) };
  },

  async webpack(project) {
    const compiler = webpack({
      context: project,
      mode: "production",
      target: ["web", "es2022"],
      entry: `./${ENTRY}`,
      experiments: { outputModule: true },
      output: { path: join(project, "out-webpack"), filename: "bundle.js", module: true, library: { type: "module" } },
      performance: false,
    });
    if (!compiler) throw new Error("webpack made no compiler");
    const stats = await promisify(compiler.run.bind(compiler))();
    await promisify(compiler.close.bind(compiler))();
    if (!stats || stats.hasErrors() || stats.hasWarnings())
      throw new Error(stats?.toString({ all: false, errors: true, warnings: true }) ?? "no stats");
    return { file: join(project, "out-webpack/bundle.js"), modules: webpackModules(stats) };
  },
};

/** Modules that webpack concatenated into one count one by one. */
function webpackModules(stats: webpack.Stats): readonly string[] {
  const paths = (modules: readonly webpack.StatsModule[]): string[] =>
    modules.flatMap((one) => [...(one.nameForCondition ? [one.nameForCondition] : []), ...paths(one.modules ?? [])]);
  return [
    ...new Set(
      paths(stats.toJson({ all: false, modules: true, nestedModules: true, modulesSpace: Number.POSITIVE_INFINITY }).modules ?? []),
    ),
  ];
}
