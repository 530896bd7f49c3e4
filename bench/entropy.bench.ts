/**
 * @file Entropy coding of all int8 and int4 weights of convolutions of the shared models (`quantize`, its defaults): bytes of each codec beside the order-0 entropy and brotli, decoding time per symbol with the codecs taking turns;
 * and floats by planes, as f32 and rounded to bf16. Every stream is decoded and compared. Prints the tables and writes `bench/results/entropy.json`.
 *
 * node --import tsx bench/entropy.bench.ts [MODEL ...]
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants as zlib } from "node:zlib";
import { bundledPlugins } from "../compiler/cli/plugins.ts";
import { compile } from "../compiler/compile.ts";
import { importOnnx } from "../compiler/import/index.ts";
import { type Constant, constantBytes, createCoreRegistry, type DType, type Module, staticShape } from "../ir-spec/index.ts";
import { contextEncoder, huffmanEncoder, planesEncoder, rangeEncoder, ransEncoder } from "../plugins/entropy/index.ts";
import { entropyBits, symbolsOf } from "../plugins/entropy/symbol-counts.ts";
import { decoderTable } from "../runtime/index.ts";

const ROUNDS = 5;
const folder = join(process.env.TERSOR_DATA ?? fileURLToPath(new URL("../../shared/data", import.meta.url)), "models");
const registry = createCoreRegistry();
const decoders = decoderTable();

interface Section {
  readonly model: string;
  readonly bits: number;
  readonly bytes: Uint8Array;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

interface Coder {
  readonly name: string;
  encode(section: Section): { readonly bytes: Uint8Array; readonly params: Uint8Array } | null;
  decode(stored: Uint8Array, params: Uint8Array, section: Section): Uint8Array;
}

const ours = [ransEncoder, huffmanEncoder, rangeEncoder, contextEncoder].map(
  (encoder): Coder => ({
    name: encoder.id,
    encode: (section) => encoder.encode(section),
    decode(stored, params, { bytes, dtype, shape }) {
      const decoder = decoders.get(encoder.id);
      if (!decoder) throw new Error(`no decoder ${encoder.id}`);
      return decoder.decode({ stored, params, rawLength: bytes.length, dtype, shape });
    },
  }),
);

const none = new Uint8Array(0);
const brotli: Coder = {
  name: "brotli -q 11",
  encode: ({ bytes }) => ({
    bytes: brotliCompressSync(bytes, { params: { [zlib.BROTLI_PARAM_QUALITY]: 11, [zlib.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
    params: none,
  }),
  decode: (stored) => brotliDecompressSync(stored),
};
const coders = [...ours, brotli];

function weightsOf(module: Module, dtypes: readonly string[]): readonly Constant[] {
  return [...module.constants.values()].filter((c) => c.kind === "data" && dtypes.includes(c.type.dtype));
}

function sectionOf(model: string, bits: number, module: Module, constant: Constant): Section {
  if (constant.kind !== "data") throw new Error(`@${constant.name} is no data`);
  const bytes = constantBytes(module, constant).slice();
  return { model, bits, bytes, dtype: constant.type.dtype, shape: staticShape(constant.type.shape) ?? [] };
}

async function quantized(model: string, source: Module): Promise<readonly Section[]> {
  const sections: Section[] = [];
  for (const bits of [8, 4]) {
    const { module } = await compile(source, {
      plugins: bundledPlugins(),
      targets: ["reference"],
      pipeline: `quantize{bits=${bits}}`,
      verifyEach: false,
    });
    // Kernels of convolutions have three axes or four; linear layers and recurrent ones two.
    const convolutions = weightsOf(module, ["i8", "i4"]).filter((c) => c.type.shape.length >= 3);
    sections.push(...convolutions.map((constant) => sectionOf(model, bits, module, constant)));
  }
  return sections;
}

const entropyOf = (section: Section): number => entropyBits(symbolsOf(section)?.counts ?? []) / 8;
const countOf = ({ shape }: Section): number => shape.reduce((n, d) => n * d, 1);

interface Coded {
  readonly section: Section;
  readonly stored: readonly { readonly bytes: Uint8Array; readonly params: Uint8Array }[];
}

function code(section: Section): Coded {
  const stored = coders.map((coder) => {
    const coded = coder.encode(section);
    if (!coded) throw new Error(`${coder.name} does not code ${section.dtype}`);
    if (Buffer.compare(coder.decode(coded.bytes, coded.params, section), section.bytes) !== 0)
      throw new Error(`${coder.name}: not lossless`);
    return coded;
  });
  return { section, stored };
}

/** Nanoseconds per symbol of each coder and round; in each round the coders take turns section by section. */
function timings(all: readonly Coded[]): number[][] {
  const samples = coders.map(() => [] as number[]);
  const symbols = all.reduce((n, { section }) => n + countOf(section), 0);
  for (let round = 0; round < ROUNDS; round++) {
    const spent = coders.map(() => 0);
    for (const { section, stored } of all) {
      coders.forEach((coder, k) => {
        const { bytes, params } = stored[k] as Coded["stored"][number];
        const start = performance.now();
        coder.decode(bytes, params, section);
        spent[k] = (spent[k] as number) + performance.now() - start;
      });
    }
    spent.forEach((ms, k) => {
      samples[k]?.push((ms * 1e6) / symbols);
    });
  }
  return samples;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const percent = (value: number, of: number): number => Number((100 * (value / of - 1)).toFixed(2));

function sizes(title: string, all: readonly Coded[]): Record<string, string | number> {
  const entropy = all.reduce((n, { section }) => n + entropyOf(section), 0);
  const row: Record<string, string | number> = {
    sections: title,
    symbols: all.reduce((n, { section }) => n + countOf(section), 0),
    entropy: Math.round(entropy),
  };
  coders.forEach(({ name }, k) => {
    const bytes = all.reduce((n, { stored }) => n + (stored[k]?.bytes.length ?? 0) + (stored[k]?.params.length ?? 0), 0);
    row[name] = bytes;
    row[`${name} %`] = percent(bytes, entropy);
  });
  return row;
}

/** The floats of the model as they are, and rounded to bf16. */
function planesRow(model: string, module: Module): Record<string, string | number> {
  const sums = { f32: 0, f32Coded: 0, bf16: 0, bf16Coded: 0 };
  for (const constant of weightsOf(module, ["f32"]).filter((c) => c.type.shape.length >= 2)) {
    const section = sectionOf(model, 32, module, constant);
    const bits = new Uint32Array(section.bytes.buffer);
    const half = new Uint8Array(Uint16Array.from(bits, (b) => (b + 0x7fff + ((b >>> 16) & 1)) >>> 16).buffer);
    sums.f32 += section.bytes.length;
    sums.bf16 += half.length;
    sums.f32Coded += planed(section);
    sums.bf16Coded += planed({ ...section, bytes: half, dtype: "bf16" });
  }
  return { model, ...sums, "f32 %": percent(sums.f32Coded, sums.f32), "bf16 %": percent(sums.bf16Coded, sums.bf16) };
}

function planed(section: Section): number {
  const { bytes, dtype, shape } = section;
  const coded = planesEncoder.encode(section);
  if (!coded) return bytes.length;
  const back = decoders.get("planes")?.decode({ stored: coded.bytes, params: coded.params, rawLength: bytes.length, dtype, shape });
  if (!back || Buffer.compare(back, bytes) !== 0) throw new Error("planes: not lossless");
  return Math.min(bytes.length, coded.bytes.length);
}

if (!existsSync(folder)) {
  console.log(`no models in ${folder}`);
  process.exit(0);
}
const filters = process.argv.slice(2);
const files = readdirSync(folder).filter(
  (name) => name.endsWith(".onnx") && (filters.length === 0 || filters.some((f) => name.includes(f))),
);
const coded: Coded[] = [];
const planes: Record<string, string | number>[] = [];
for (const file of files) {
  const module = importOnnx(new Uint8Array(readFileSync(join(folder, file))), { registry });
  const model = file.replace(/\.onnx$/, "");
  coded.push(...(await quantized(model, module)).map(code));
  planes.push(planesRow(model, module));
  console.log(`${model}: coded`);
}
const of = (test: (section: Section) => boolean) => coded.filter(({ section }) => test(section));
const rows = [
  ...files.flatMap((file) =>
    [8, 4].map((bits) =>
      sizes(
        `${file.replace(/\.onnx$/, "")} int${bits}`,
        of((s) => s.bits === bits && file.startsWith(`${s.model}.`)),
      ),
    ),
  ),
  sizes(
    "int8",
    of((s) => s.bits === 8),
  ),
  sizes(
    "int4",
    of((s) => s.bits === 4),
  ),
  sizes("all", coded),
  sizes(
    "all of 64 KiB or more",
    of((s) => s.bytes.length >= 65_536),
  ),
].filter((row) => row.symbols !== 0);
const total = (key: string) => planes.reduce((n, row) => n + Number(row[key]), 0);
planes.push({ model: "all", "f32 %": percent(total("f32Coded"), total("f32")), "bf16 %": percent(total("bf16Coded"), total("bf16")) });
const samples = timings(coded);
const speed = coders.map(({ name }, k) => ({
  codec: name,
  nsPerSymbol: Number(median(samples[k] ?? []).toFixed(1)),
  samples: samples[k]?.map((ns) => Number(ns.toFixed(1))),
}));
console.table(rows);
console.table(speed.map(({ codec, nsPerSymbol }) => ({ codec, nsPerSymbol })));
console.table(planes);
const machine = { cpu: cpus()[0]?.model ?? "", cores: cpus().length, node: process.version, brotli: process.versions.brotli };
mkdirSync(new URL("results/", import.meta.url), { recursive: true });
writeFileSync(new URL("results/entropy.json", import.meta.url), `${JSON.stringify({ sizes: rows, speed, planes, machine }, null, 1)}\n`);
