/** @file A process for `kill.test.ts`: writes a file again and again, its content a number that says how it ought to go on, until it is killed. */
import { writeWhole } from "../../compiler/cli/files.ts";

const [, , path = "", size = "0"] = process.argv;
for (let round = 1; ; round++) {
  await writeWhole(path, new Uint8Array(Number(size)).fill(round % 256));
  process.stdout.write(".");
}
