/** @file Compiles the sample's kernel with AssemblyScript, as its author would. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

export async function assembled(): Promise<Uint8Array> {
  const source = readFileSync(fileURLToPath(new URL("package/assembly/swish2.as", import.meta.url)), "utf8");
  let wasm: Uint8Array | null = null;
  const { error, stderr } = await asc.main(
    ["swish2.ts", "--outFile", "out.wasm", "-O3", "--runtime", "stub", "--importMemory", "--noAssert"],
    {
      readFile: (name) => (name === "swish2.ts" ? source : null),
      writeFile: (name, contents) => {
        if (name === "out.wasm" && typeof contents !== "string") wasm = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || !wasm) throw new Error(`${error?.message ?? "no output"}\n${stderr.toString()}`);
  return wasm;
}
