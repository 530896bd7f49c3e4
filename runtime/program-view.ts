/**
 * @file The metadata as plain records: the FlatBuffer's vectors taken apart once (`module.fbs` says what each number means). Bulk integers stay views into the buffer. Nothing here
 * judges; `check-program.ts` does, before anyone follows an index.
 */
import { ByteBuffer, Encoding } from "flatbuffers";
import { tersor as fb } from "../ir-spec/format/gen/module.ts";
import { RuntimeError } from "./errors.ts";

export interface TypeView {
  readonly dtype: number;
  /** Sizes, or -(k + 1) for expression k. */
  readonly dims: Int32Array;
}

export interface OpView {
  readonly name: number;
  readonly attrs: number;
  readonly loc: number;
  readonly doc: number;
  readonly operands: Int32Array;
  /** First of `resultCount` consecutive values. */
  readonly firstResult: number;
  readonly resultCount: number;
}

export interface FuncView {
  readonly name: number;
  readonly doc: number;
  readonly params: number;
  readonly types: Uint32Array;
  readonly names: Uint32Array;
  readonly ops: readonly OpView[];
  readonly operands: Int32Array;
  readonly returns: Int32Array;
  readonly results: readonly { readonly name: number; readonly type: number }[];
  readonly carries: readonly { readonly param: number; readonly result: number }[];
  readonly requires: readonly RequireView[];
}

export interface RequireView {
  readonly left: number;
  readonly right: number;
}

export interface SectionView {
  /** From the start of the data area. */
  readonly offset: bigint;
  readonly stored: bigint;
  readonly raw: bigint;
  readonly crc: number;
  readonly codec: number;
  readonly params: Uint8Array;
  readonly paramsLength: number;
  readonly type: number;
}

export interface ConstantView {
  readonly name: number;
  readonly type: number;
  readonly storage: number;
  readonly flags: number;
  readonly doc: number;
  readonly loc: number;
}

export interface DerivedView {
  readonly op: number;
  readonly attrs: number;
  readonly operands: Int32Array;
  readonly operandCount: number;
}

export interface PortView {
  readonly name: number;
  readonly original: number;
  readonly type: number;
}

export interface AttrView {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
}

export interface ProgramView {
  readonly strings: readonly string[];
  readonly symbols: readonly { readonly name: number; readonly original: number }[];
  readonly exprs: readonly { readonly op: number; readonly a: number; readonly b: number }[];
  readonly types: readonly TypeView[];
  /** Sum of all ranks as the types give it, and the length of the pool. */
  readonly dimCounts: readonly [wanted: number, present: number];
  readonly attrs: readonly AttrView[];
  readonly listItems: Uint32Array;
  readonly dictItems: readonly { readonly key: number; readonly value: number }[];
  readonly sections: readonly SectionView[];
  readonly paramCounts: readonly [wanted: number, present: number];
  readonly constants: readonly ConstantView[];
  readonly derived: readonly DerivedView[];
  readonly derivedCounts: readonly [wanted: number, present: number];
  readonly inputs: readonly PortView[];
  readonly outputs: readonly PortView[];
  readonly requires: readonly RequireView[];
  readonly plans: readonly { readonly target: number; readonly init: FuncView; readonly main: FuncView }[];
  readonly source: SourceView | null;
  readonly requirements: readonly { readonly id: number; readonly npmPackage: number }[];
  readonly preprocessing: number;
  readonly build: BuildView;
}

export interface SourceView {
  readonly version: number;
  readonly name: number;
  readonly doc: number;
  readonly meta: number;
  readonly metaDoc: number;
  readonly constants: number;
  readonly functions: readonly FuncView[];
}

export interface BuildView {
  readonly tersor: number;
  readonly pipeline: number;
  readonly costProfile: number;
  readonly seed: bigint;
  readonly model: Uint8Array;
  readonly data: Uint8Array;
  readonly plugins: readonly { readonly name: number; readonly version: number }[];
}

/** `bytes` passed `verifyFlatBuffer`. @throws RuntimeError R0201 for text that is not UTF-8. */
export function viewProgram(bytes: Uint8Array): ProgramView {
  const p = fb.Program.getRootAsProgram(new ByteBuffer(bytes));
  return { ...tables(p), ...data(p), ...functions(p), ...interfaces(p) };
}

function tables(p: fb.Program) {
  const dims = p.dimsArray() ?? new Int32Array(0);
  let at = 0;
  const types = rows(p.typesLength(), p.types.bind(p), new fb.Type(), (t): TypeView => {
    const rank = t.rank();
    at += rank;
    return { dtype: t.dtype(), dims: dims.subarray(at - rank, at) };
  });
  return {
    strings: strings(p),
    symbols: rows(p.symbolsLength(), p.symbols.bind(p), new fb.DimSymbol(), (s) => ({ name: s.name(), original: s.original() })),
    exprs: rows(p.exprsLength(), p.exprs.bind(p), new fb.Expr(), (e) => ({ op: e.op(), a: e.a(), b: e.b() })),
    types,
    dimCounts: [at, dims.length] as const,
    attrs: rows(p.attrsLength(), p.attrs.bind(p), new fb.Attr(), (x) => ({ kind: x.kind(), a: x.a(), b: x.b() })),
    listItems: p.attrItemsArray() ?? new Uint32Array(0),
    dictItems: rows(p.dictItemsLength(), p.dictItems.bind(p), new fb.DictItem(), (d) => ({ key: d.key(), value: d.value() })),
  };
}

function data(p: fb.Program) {
  const params = p.codecParamsArray() ?? new Uint8Array(0);
  const operands = p.derivedOperandsArray() ?? new Int32Array(0);
  let param = 0;
  let operand = 0;
  return {
    sections: rows(p.sectionsLength(), p.sections.bind(p), new fb.Section(), (s): SectionView => {
      const paramsLength = s.params();
      param += paramsLength;
      const place = { offset: s.offset(), stored: s.stored(), raw: s.raw() };
      const own = params.subarray(param - paramsLength, param);
      return { ...place, crc: s.crc(), codec: s.codec(), params: own, paramsLength, type: s.type() };
    }),
    constants: rows(p.constantsLength(), p.constants.bind(p), new fb.Constant(), (c): ConstantView => {
      const named = { name: c.name(), type: c.type(), storage: c.storage() };
      return { ...named, flags: c.flags(), doc: c.doc(), loc: c.loc() };
    }),
    derived: rows(p.derivedLength(), p.derived.bind(p), new fb.Derived(), (d): DerivedView => {
      const operandCount = d.operands();
      operand += operandCount;
      return { op: d.op(), attrs: d.attrs(), operands: operands.subarray(operand - operandCount, operand), operandCount };
    }),
    paramCounts: [param, params.length] as const,
    derivedCounts: [operand, operands.length] as const,
  };
}

function functions(p: fb.Program) {
  const source = p.source();
  return {
    plans: tablesOf(p.plansLength(), (i) => p.plans(i)).map((plan) => ({
      target: plan.target(),
      init: viewFunc(present(plan.init())),
      main: viewFunc(present(plan.main())),
    })),
    source: source && viewSource(source),
  };
}

function viewSource(source: fb.Source): SourceView {
  return {
    version: source.version(),
    name: source.name(),
    doc: source.doc(),
    meta: source.meta(),
    metaDoc: source.metaDoc(),
    constants: source.constants(),
    functions: tablesOf(source.functionsLength(), (i) => source.functions(i)).map(viewFunc),
  };
}

function viewFunc(f: fb.Func): FuncView {
  const operands = f.operandsArray() ?? new Int32Array(0);
  let operand = 0;
  let value = f.params();
  const ops = rows(f.opsLength(), f.ops.bind(f), new fb.Op(), (op): OpView => {
    const firstResult = value;
    const own = operands.subarray(operand, operand + op.operands());
    operand += op.operands();
    value += op.results();
    return { name: op.name(), attrs: op.attrs(), loc: op.loc(), doc: op.doc(), operands: own, firstResult, resultCount: op.results() };
  });
  return {
    name: f.name(),
    doc: f.doc(),
    params: f.params(),
    types: f.typesArray() ?? new Uint32Array(0),
    names: f.namesArray() ?? new Uint32Array(0),
    ops,
    operands,
    returns: f.returnsArray() ?? new Int32Array(0),
    results: rows(f.resultsLength(), f.results.bind(f), new fb.Result(), (r) => ({ name: r.name(), type: r.type() })),
    carries: rows(f.carriesLength(), f.carries.bind(f), new fb.Carry(), (c) => ({ param: c.param(), result: c.result() })),
    requires: rows(f.requiresLength(), f.requires.bind(f), new fb.Require(), (r) => ({ left: r.left(), right: r.right() })),
  };
}

function interfaces(p: fb.Program) {
  const port = (x: fb.Port): PortView => ({ name: x.name(), original: x.original(), type: x.type() });
  const build = present(p.build());
  return {
    inputs: rows(p.inputsLength(), p.inputs.bind(p), new fb.Port(), port),
    outputs: rows(p.outputsLength(), p.outputs.bind(p), new fb.Port(), port),
    requires: rows(p.requiresLength(), p.requires.bind(p), new fb.Require(), (r) => ({ left: r.left(), right: r.right() })),
    requirements: rows(p.requirementsLength(), p.requirements.bind(p), new fb.Requirement(), (r) => ({
      id: r.id(),
      npmPackage: r.npmPackage(),
    })),
    preprocessing: p.preprocessing(),
    build: {
      tersor: build.tersor(),
      pipeline: build.pipeline(),
      costProfile: build.costProfile(),
      seed: build.seed(),
      model: build.modelArray() ?? new Uint8Array(0),
      data: build.dataArray() ?? new Uint8Array(0),
      plugins: rows(build.pluginsLength(), build.plugins.bind(build), new fb.Plugin(), (x) => ({ name: x.name(), version: x.version() })),
    },
  };
}

/** Reads a vector of structs through one reused accessor. */
function rows<S, T>(count: number, at: (index: number, into: S) => S | null, into: S, read: (row: S) => T): T[] {
  const out: T[] = [];
  for (let i = 0; i < count; i++) out.push(read(present(at(i, into))));
  return out;
}

function tablesOf<T>(count: number, at: (index: number) => T | null): T[] {
  return Array.from({ length: count }, (_, i) => present(at(i)));
}

/** The verifier has made sure of it. */
function present<T>(value: T | null): T {
  if (value === null) throw new RuntimeError("R0201", "broken metadata: a required part is missing");
  return value;
}

/** The library's own decoding mends bad UTF-8 and drops a leading U+FEFF. */
function strings(p: fb.Program): string[] {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return Array.from({ length: p.stringsLength() }, (_, i) => {
    try {
      return decoder.decode(p.strings(i, Encoding.UTF8_BYTES) as Uint8Array);
    } catch {
      throw new RuntimeError("R0201", "broken metadata: it is not UTF-8", `string ${i}`);
    }
  });
}
