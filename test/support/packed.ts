/**
 * @file The package as others get it: built, packed, and installed into a project elsewhere. Dependencies are links to the repository's own, so that nothing is downloaded;
 * TERSOR_INSTALL=npm lets `npm install` fetch them instead (`npm run test:package`).
 */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./data.ts";

export interface PackageJson {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

export const packageJson = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as PackageJson;

/** stdout; a failure carries all output. */
export async function command(file: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await promisify(execFile)(file, args, { cwd, maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    const { message, stdout = "", stderr = "" } = error as Error & { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${message}\n${stdout}\n${stderr}`);
  }
}

export interface Packed {
  /** Path of the tarball. */
  readonly tarball: string;
  /** Its length. */
  readonly size: number;
  /** What is in it, relative to the package. */
  readonly files: readonly string[];
}

/** Builds where the build is stale, and packs into `folder`. */
export async function packTersor(folder: string): Promise<Packed> {
  await command(process.execPath, ["scripts/build.mjs", "--if-stale"], ROOT);
  const output = await command("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], ROOT);
  const [packed] = JSON.parse(output) as [
    { readonly filename: string; readonly size: number; readonly files: readonly { readonly path: string }[] },
  ];
  return { tarball: join(folder, packed.filename), size: packed.size, files: packed.files.map(({ path }) => path).sort() };
}

/** Installs the tarball into `project`. Returns the package's folder there. */
export async function installTersor(project: string, { tarball }: Packed): Promise<string> {
  const installed = join(project, "node_modules/tersor");
  if (process.env.TERSOR_INSTALL === "npm") {
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
    await command("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", tarball], project);
    return installed;
  }
  mkdirSync(installed, { recursive: true });
  await command("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"], project);
  for (const name of Object.keys(packageJson.dependencies)) {
    const link = join(project, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), link);
  }
  return installed;
}
