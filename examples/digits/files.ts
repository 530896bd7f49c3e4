/** @file The committed model, `lenet5.tir` and `lenet5.bin` beside this file: reading and writing. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { printModule, readModule } from "../../compiler/text/index.ts";
import { attr, type Constant, constantBytes, type Module, type OpRegistry } from "../../ir-spec/index.ts";

const folder = new URL("./", import.meta.url);

const pathOf = (base: URL, file: string): string => fileURLToPath(new URL(file, base));

/** The trained network as committed. */
export function readDigitsModel(registry: OpRegistry, base: URL = folder): Module {
  const path = pathOf(base, "lenet5.tir");
  const resources = (file: string): Uint8Array => new Uint8Array(readFileSync(pathOf(base, file)));
  return readModule(readFileSync(path, "utf8"), { registry, file: path, resources });
}

/** Writes the text and its weights, each whole or not at all. Returns the sizes in bytes. */
export function writeDigitsModel(module: Module, base: URL = folder): { readonly tir: number; readonly bin: number } {
  const { packed, bytes } = withResource(module, "weights", "lenet5.bin");
  const text = new TextEncoder().encode(printModule(packed));
  write(pathOf(base, "lenet5.bin"), bytes);
  write(pathOf(base, "lenet5.tir"), text);
  return { tir: text.length, bin: bytes.length };
}

function write(path: string, bytes: Uint8Array): void {
  writeFileSync(`${path}.tmp`, bytes);
  renameSync(`${path}.tmp`, path);
}

/** Scalars stay in the text. */
const smallest = 16;

/** The module with its larger data in one resource, in order of the constants. */
function withResource(module: Module, name: string, path: string): { readonly packed: Module; readonly bytes: Uint8Array } {
  const parts: Uint8Array[] = [];
  let offset = 0;
  const constants = [...module.constants.values()].map((constant): Constant => {
    if (constant.kind !== "data") return constant;
    const data = constantBytes(module, constant);
    if (data.length < smallest) return constant;
    const storage = { kind: "resource", resource: name, offset, length: data.length } as const;
    parts.push(data);
    offset += data.length;
    return { ...constant, storage };
  });
  const bytes = new Uint8Array(Buffer.concat(parts));
  const attrs = new Map([
    ["bytes", attr.int(bytes.length)],
    ["sha256", attr.string(bytesToHex(sha256(bytes)))],
  ]);
  const resources = new Map([[name, { name, path, attrs, doc: null, bytes }]]);
  return { packed: { ...module, resources, constants: new Map(constants.map((c) => [c.name, c])) }, bytes };
}
