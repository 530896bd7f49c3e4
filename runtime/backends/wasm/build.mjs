// @ts-check
/**
 * @file Compiles `assembly/` with AssemblyScript and writes `gen/kernels.generated.ts`, and the products for relaxed SIMD to `../wasm-relaxed/gen`: the module as base64, the type of its exports with
 * their documentation, and a hash of what it was made from. Run by `npm run gen`; a test compares the hash, so a stale file cannot pass.
 *
 * Base64 in a module instead of a `.wasm` file beside it: every bundler and a strict CSP page take it as it is, for a third more bytes.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(HERE, "assembly");
const FLAGS = [
  "--runtime",
  "stub",
  "--importMemory",
  "--initialMemory",
  "1",
  "--noExportMemory",
  "--noAssert",
  "--uncheckedBehavior",
  "always",
].concat(["-O3", "--converge", "--enable", "simd", "--enable", "bulk-memory", "--use", "abort="]);

/** @returns {[name: string, text: string][]} */
function sources() {
  const names = readdirSync(SOURCES).filter((name) => name.endsWith(".ts"));
  return names.sort().map((name) => [name, readFileSync(join(SOURCES, name), "utf8")]);
}

/** SHA-256 over the assembly sources, this script and the compiler's version: what the generated file depends on. */
export function sourceHash() {
  const hash = createHash("sha256");
  const version = asc.version;
  for (const [name, text] of [...sources(), ["build.mjs", readFileSync(fileURLToPath(import.meta.url), "utf8")], ["asc", version]]) {
    hash.update(`${name}\0${text}\0`);
  }
  return hash.digest("hex");
}

/** @param {string} entry @param {string[]} more @returns {Promise<Uint8Array>} */
async function compile(entry, more = []) {
  /** @type {Uint8Array | undefined} */
  let binary;
  const { error, stderr } = await asc.main([entry, "--outFile", "kernels.wasm", ...FLAGS, ...more], {
    readFile: (name) => {
      if (!/^[a-z0-9]+\.ts$/.test(name)) return null;
      try {
        return readFileSync(join(SOURCES, name), "utf8");
      } catch {
        return null; // asc asks for every place where a module might be
      }
    },
    writeFile: (name, contents) => {
      if (name === "kernels.wasm" && contents instanceof Uint8Array) binary = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) throw new Error(`asc failed: ${error?.message ?? "no output"}\n${stderr.toString()}`);
  refuseData(binary);
  return binary;
}

/** The runtime owns all memory, so the module must bring no data segment (section 11) of its own. @param {Uint8Array} binary */
function refuseData(binary) {
  for (let at = 8; at < binary.length; ) {
    const id = binary[at++];
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = binary[at++] ?? 0; // LEB128
      size |= (byte & 0x7f) << shift;
      more = byte >= 0x80;
    }
    if (id === 11) throw new Error("the kernels have a data segment: some source uses a table or a string");
    at += size;
  }
}

/** TypeScript signature of one exported kernel, with the comment above it. @param {string} name */
function declaration(name) {
  const pattern = new RegExp(`((?:/\\*\\*(?:(?!\\*/)[^])*\\*/\\n)?)export function ${name}\\(([^)]*)\\): (\\w+)`);
  for (const [, text] of sources()) {
    const found = pattern.exec(text);
    if (found === null) continue;
    const [, doc = "", parameters = "", result = ""] = found;
    const typed = parameters
      .split(",")
      .filter((p) => p.trim() !== "")
      .map((p) => `${p.split(":")[0]?.trim()}: number`);
    const indented = doc.replaceAll(/^/gm, "  ").trimEnd();
    return `${indented === "" ? "" : `${indented}\n`}  ${name}(${typed.join(", ")}): ${result === "void" ? "void" : "number"};`;
  }
  throw new Error(`no source exports ${name}`);
}

/** @param {Uint8Array} binary */
function generated(binary) {
  const exports = WebAssembly.Module.exports(new WebAssembly.Module(new Uint8Array(binary))).filter(({ kind }) => kind === "function");
  const names = exports.map(({ name }) => name).sort();
  return `/** @file Generated from assembly/ by build.mjs (\`npm run gen\`); do not edit. */

/** SHA-256 of the sources that this file was made from; see build.mjs. */
export const sourceHash = "${sourceHash()}";

/**
 * Exports of the module. Pointers are byte offsets into the imported memory ("env"."memory"), 16-byte aligned at the start of a tensor;
 * a pointer 0 means absent where the comment says "bias" or "zero". act: 0 none, 1 relu, 2 relu6.
 */
export interface Kernels {
${names.map(declaration).join("\n")}
}

/** The WebAssembly module, ${binary.length} bytes. */
export const kernelsBase64 =
  "${Buffer.from(binary).toString("base64")}";
`;
}

/** @param {Uint8Array} binary */
function generatedRelaxed(binary) {
  return `/** @file Generated from ../wasm/assembly/relaxed.ts by ../wasm/build.mjs (\`npm run gen\`); do not edit. */

/** SHA-256 of the sources that this file was made from; see build.mjs. */
export const sourceHash = "${sourceHash()}";

/** The WebAssembly module, ${binary.length} bytes. */
export const relaxedBase64 =
  "${Buffer.from(binary).toString("base64")}";
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const binary = await compile("index.ts");
  const relaxed = await compile("relaxed.ts", ["--enable", "relaxed-simd"]);
  mkdirSync(join(HERE, "../wasm-relaxed/gen"), { recursive: true });
  writeFileSync(join(HERE, "../wasm-relaxed/gen/relaxed.generated.ts"), generatedRelaxed(relaxed));
  mkdirSync(join(HERE, "gen"), { recursive: true });
  writeFileSync(join(HERE, "gen", "kernels.generated.ts"), generated(binary));
  console.log(`kernels: ${binary.length} bytes of wasm, ${relaxed.length} for relaxed SIMD`);
}
