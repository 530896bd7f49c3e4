// @ts-check
/**
 * @file `npm run test:package`: packs tersor, installs the tarball with npm into an empty project, and there bundles, type-checks and runs it (test/package). Needs a package
 * registry for the dependencies; `npm test` runs the same with links to the ones that are here.
 */
import { spawnSync } from "node:child_process";
import { ROOT } from "./paths.mjs";

const env = { ...process.env, TERSOR_INSTALL: "npm" };
const { status } = spawnSync(process.execPath, ["scripts/test.mjs", "test/package"], { cwd: ROOT, env, stdio: "inherit" });
process.exitCode = status ?? 1;
