/**
 * @file Emission: the source module (optional) and a lowered module per target become the bytes of one `.tsr` file (FORMAT.md). The same input gives the same bytes: nothing
 * here reads a clock, a random number or the order of anything but the input. What it wrote is opened and checked as a reader would before it is handed out.
 */
import { type Func, type Module, mainFunction } from "../../ir-spec/core/graph.ts";
import { TersorError } from "../../ir-spec/core/problem.ts";
import { crc32 } from "../../ir-spec/format/crc32.ts";
import {
  alignSection,
  encodeHeader,
  formatMajor,
  formatMinor,
  headerChecksumAt,
  headerLength,
  MetadataCoding,
} from "../../ir-spec/format/header.ts";
import { pack, packLimit, packRatioLimit } from "../../ir-spec/format/pack.ts";
import { openFile } from "../../runtime/index.ts";
import type { WeightEncoder } from "./codec.ts";
import { compactFile } from "./compact.ts";
import { ConstantBuilder } from "./constants.ts";
import { type FuncRecord, funcRecord, planForm, sourceForm } from "./functions.ts";
import { type BuildRecord, metadataBytes, type PortRecord, type SourceRecord } from "./metadata.ts";
import { type Preprocessing, recordDict } from "./record.ts";
import { decodersOf, layOut, SectionBuilder, type SectionRecord } from "./sections.ts";
import { TableBuilder } from "./tables.ts";

export type { Preprocessing, PreprocessingValue } from "./record.ts";

/** What made the file: with the model and the data, the whole input. */
export interface BuildInfo {
  /** Version of tersor. */
  readonly tersor: string;
  /** Canonical pipeline text; empty: compiled without compressing. */
  readonly pipeline: string;
  readonly plugins?: readonly { readonly name: string; readonly version: string }[];
  /** SHA-256 of the source model, hexadecimal. */
  readonly modelSha256?: string;
  /** SHA-256 of the calibration and training data, hexadecimal. */
  readonly dataSha256?: string;
  readonly seed?: number;
  readonly costProfile?: string;
}

/** What the imported model called things, where that differs from the names in the module. */
export interface OriginalNames {
  readonly inputs?: Readonly<Record<string, string>>;
  readonly outputs?: Readonly<Record<string, string>>;
  /** Default: what `meta` of the source says. */
  readonly symbols?: Readonly<Record<string, string>>;
}

export interface EmitOptions {
  /** Kept whole in the file: the target `reference` needs it, `print` reads it back. */
  readonly source?: Module;
  /** Lowered modules: functions `init` and `main`, ops `rt.kernel`, constants data. */
  readonly plans: readonly { readonly target: string; readonly module: Module }[];
  readonly build: BuildInfo;
  readonly preprocessing?: Preprocessing;
  readonly codecs?: readonly WeightEncoder[];
  /** npm package that brings a plugin's kernels, by plugin name; default `tersor-plugin-<name>`. */
  readonly packages?: Readonly<Record<string, string>>;
  readonly originalNames?: OriginalNames;
  /**
   * `plain` leaves the metadata a readable FlatBuffer; default: packed where that is smaller. `compact`: size mode, for small models: names other than inputs and outputs, docs, locations and the build record are
   * dropped, nothing is padded, one checksum (FORMAT.md, "Compact files").
   */
  readonly metadata?: "smallest" | "plain" | "compact";
}

/** @throws TersorError E09xx naming what a file cannot hold. */
export function emitFile(options: EmitOptions): Uint8Array {
  const bytes = new FileBuilder(options).finish();
  openFile(bytes, { codecs: decodersOf(options.codecs ?? []), maxExpandedBytes: Number.POSITIVE_INFINITY });
  return bytes;
}

class FileBuilder {
  private readonly options: EmitOptions;
  private readonly tables: TableBuilder;
  private readonly sections: SectionBuilder;
  private readonly constants: ConstantBuilder;

  constructor(options: EmitOptions) {
    this.options = options;
    this.tables = new TableBuilder(originalSymbols(options));
    const compact = options.metadata === "compact";
    this.sections = new SectionBuilder(options.codecs ?? [], !compact);
    this.constants = new ConstantBuilder(this.tables, this.sections, compact);
  }

  finish(): Uint8Array {
    const { options, tables } = this;
    checkPlans(options);
    const main = options.source ? mainFunction(options.source) : planFunction(options.plans[0], "main");
    const ports = this.ports(main, options.originalNames ?? {});
    const requires = main.requires.map(({ left, right }) => ({ left: tables.dim(left), right: tables.dim(right) }));
    const source = options.source ? this.source(options.source) : null;
    const plans = options.plans.map((plan) => this.plan(plan));
    const preprocessing = options.preprocessing ? tables.optionalDict(recordDict(options.preprocessing)) : 0;
    const build = this.build(options.metadata === "compact" ? { tersor: "", pipeline: "" } : options.build);
    const order = this.sections.order();
    const records = this.constants.records.map((c) => (c.storage < 0 ? c : { ...c, storage: order.places[c.storage] as number }));
    const { sections, end } = layOut(order.records);
    const named = sections.map((s) => ({ ...s, codecName: tables.string(s.codec), typeIndex: tables.type(s.type) }));
    const { derived, derivedOperands } = this.constants;
    const requirements = this.requirements(sections);
    const constants = { records, derived, derivedOperands };
    const metadata = metadataBytes({
      tables,
      constants,
      sections: named,
      ...ports,
      requires,
      plans,
      source,
      requirements,
      preprocessing,
      build,
    });
    return options.metadata === "compact"
      ? compactFile(metadata, sections)
      : assemble(metadata, sections, end, options.metadata ?? "smallest");
  }

  private ports(main: Func, names: OriginalNames): { readonly inputs: readonly PortRecord[]; readonly outputs: readonly PortRecord[] } {
    const { tables } = this;
    const port = (name: string, original: string | undefined, type: Func["results"][number]["type"]): PortRecord => ({
      name: tables.string(name),
      original: original === name ? 0 : tables.optionalString(original),
      type: tables.type(type),
    });
    const count = this.options.source
      ? main.params.length
      : main.params.length - planFunction(this.options.plans[0], "init").results.length;
    const inputs = main.params.slice(0, count).map((id) => {
      const info = main.values[id];
      if (!info || info.name === null) throw new TersorError({ code: "E0912", message: `input ${id} of @${main.name} has no name` });
      return port(info.name, names.inputs?.[info.name], info.type);
    });
    return { inputs, outputs: main.results.map((r) => port(r.name, names.outputs?.[r.name], r.type)) };
  }

  private source(module: Module): SourceRecord {
    const { tables, constants } = this;
    const index = constants.addModule(module);
    const constant = (name: string): number => {
      const found = index.get(name);
      if (found === undefined) throw new TersorError({ code: "E0204", message: `no constant @${name}` });
      return found;
    };
    return {
      version: tables.string(module.version),
      name: tables.string(module.name),
      doc: tables.optionalString(module.doc),
      meta: module.meta === null ? 0 : tables.attr({ kind: "dict", value: module.meta }) + 1,
      metaDoc: tables.optionalString(module.metaDoc),
      constants: module.constants.size,
      functions: [...module.functions.values()].map((func) => funcRecord(tables, func, { form: sourceForm, names: true, constant })),
    };
  }

  private plan(plan: EmitOptions["plans"][number]): { readonly target: number; readonly init: FuncRecord; readonly main: FuncRecord } {
    const constant = (name: string) => this.constants.addPlanConstant(plan.module, name);
    const record = (name: "init" | "main") =>
      funcRecord(this.tables, planFunction(plan, name), {
        form: planForm,
        names: false,
        bare: this.options.metadata === "compact",
        constant,
      });
    const main = planFunction(plan, "main");
    if (main.carries.length > 0)
      throw new TersorError({ code: "E0913", message: `plan ${plan.target}: carried state cannot be lowered yet` });
    return { target: this.tables.string(plan.target), init: record("init"), main: record("main") };
  }

  private build(build: BuildInfo): BuildRecord {
    const { tables } = this;
    return {
      tersor: tables.string(build.tersor),
      pipeline: tables.string(build.pipeline),
      costProfile: tables.optionalString(build.costProfile),
      seed: checkedSeed(build.seed ?? 0),
      model: hexBytes(build.modelSha256 ?? "", "modelSha256"),
      data: hexBytes(build.dataSha256 ?? "", "dataSha256"),
      plugins: (build.plugins ?? []).map((p) => ({ name: tables.string(p.name), version: tables.string(p.version) })),
    };
  }

  /** Kernels and codecs of packages: their ids are `plugin/name`. */
  private requirements(sections: readonly SectionRecord[]): readonly { readonly id: number; readonly npmPackage: number }[] {
    const kernels = this.options.plans.flatMap((plan) =>
      (["init", "main"] as const).flatMap((name) => planFunction(plan, name).ops.map((op) => planForm(op).name.replace(/^[^/:]*:/, ""))),
    );
    const ids = new Set([...kernels, ...sections.map((s) => s.codec)].filter((id) => id.includes("/")));
    return [...ids].sort().map((id) => {
      const plugin = id.slice(0, id.indexOf("/"));
      const named = this.options.codecs?.find((codec) => codec.id === id)?.npmPackage ?? this.options.packages?.[plugin];
      return { id: this.tables.string(id), npmPackage: this.tables.string(named ?? `tersor-plugin-${plugin}`) };
    });
  }
}

/** As given, or as the importer wrote them to the module's `meta`: `dims = {N = "batch"}`, empty where the size had no name. */
function originalSymbols({ originalNames, source }: EmitOptions): ReadonlyMap<string, string> {
  if (originalNames?.symbols) return new Map(Object.entries(originalNames.symbols));
  const dims = source?.meta?.get("dims");
  if (dims?.kind !== "dict") return new Map();
  return new Map(
    [...dims.value].flatMap(([symbol, name]) => (name.kind === "string" && name.value !== "" ? [[symbol, name.value] as const] : [])),
  );
}

function checkPlans({ source, plans, metadata }: EmitOptions): void {
  if (source && metadata === "compact")
    throw new TersorError({ code: "E0916", message: "size mode drops the source: leave out the target reference" });
  if (!source && plans.length === 0)
    throw new TersorError({ code: "E0901", message: "neither a source module nor a plan: nothing to emit" });
  const seen = new Set<string>();
  for (const { target } of plans) {
    if (target === "reference") {
      throw new TersorError({
        code: "E0901",
        message: "target reference has no plan: it runs the source functions; give `source` instead",
      });
    }
    if (seen.has(target)) throw new TersorError({ code: "E0901", message: `two plans for target ${target}` });
    seen.add(target);
  }
}

function planFunction(plan: EmitOptions["plans"][number] | undefined, name: "init" | "main"): Func {
  const func = plan?.module.functions.get(name);
  if (!func) throw new TersorError({ code: "E0901", message: `the plan for ${plan?.target ?? "?"} has no function @${name}` });
  return func;
}

function checkedSeed(seed: number): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new TersorError({ code: "E0914", message: `seed ${seed} must be an integer from 0 to 2^53 - 1` });
}

function hexBytes(hex: string, what: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(hex)) throw new TersorError({ code: "E0914", message: `${what} must be lowercase hexadecimal` });
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

function assemble(metadata: Uint8Array, sections: readonly SectionRecord[], dataLength: number, want: "smallest" | "plain"): Uint8Array {
  const packed = want === "smallest" && metadata.length <= packLimit ? pack(metadata) : metadata;
  const smaller = packed.length < metadata.length && packed.length * packRatioLimit >= metadata.length;
  const stored = smaller ? packed : metadata;
  const dataStart = sections.length === 0 ? headerLength + stored.length : alignSection(headerLength + stored.length);
  const file = new Uint8Array(dataStart + dataLength);
  const coding = smaller ? MetadataCoding.packed : MetadataCoding.plain;
  const shape = { major: formatMajor, minor: formatMinor, coding, stored: stored.length, raw: metadata.length, crc: crc32(stored) };
  file.set(encodeHeader({ ...shape, fileLength: file.length }));
  new DataView(file.buffer).setUint32(headerChecksumAt, crc32(file.subarray(0, headerChecksumAt)), true);
  file.set(stored, headerLength);
  for (const section of sections) {
    const at = dataStart + section.offset;
    section.stored.copyTo(file.subarray(at, at + section.stored.length));
  }
  return file;
}
