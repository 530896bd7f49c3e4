/** @file Where the real data and models lie: TERSOR_DATA, or shared/data beside the checkout. They are never in the repository. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's root folder. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** Folder with `mnist/`, `models/` and so on; whether it is there says `hasData`. */
export const DATA: string = process.env.TERSOR_DATA ?? join(ROOT, "../shared/data");

export const hasData: boolean = existsSync(join(DATA, "models"));
