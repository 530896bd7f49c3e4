/** @file The metadata FlatBuffer from its records (`module.fbs`). FlatBuffers are built from the leaves up and each vector from its end. */
import { Builder, type Offset } from "flatbuffers";
import { tersor as fb } from "../../ir-spec/format/gen/module.ts";
import type { ConstantBuilder, ConstantRecord } from "./constants.ts";
import type { FuncRecord } from "./functions.ts";
import type { SectionRecord } from "./sections.ts";
import type { TableBuilder } from "./tables.ts";

export interface PortRecord {
  readonly name: number;
  readonly original: number;
  readonly type: number;
}

export interface SourceRecord {
  readonly version: number;
  readonly name: number;
  readonly doc: number;
  readonly meta: number;
  readonly metaDoc: number;
  readonly constants: number;
  readonly functions: readonly FuncRecord[];
}

export interface BuildRecord {
  readonly tersor: number;
  readonly pipeline: number;
  readonly costProfile: number;
  readonly seed: number;
  readonly model: Uint8Array;
  readonly data: Uint8Array;
  readonly plugins: readonly { readonly name: number; readonly version: number }[];
}

export interface MetadataParts {
  readonly tables: TableBuilder;
  readonly constants: Pick<ConstantBuilder, "derived" | "derivedOperands"> & { readonly records: readonly ConstantRecord[] };
  /** `codec` and `type` as indices. */
  readonly sections: readonly (SectionRecord & { readonly codecName: number; readonly typeIndex: number })[];
  readonly inputs: readonly PortRecord[];
  readonly outputs: readonly PortRecord[];
  readonly requires: readonly { readonly left: number; readonly right: number }[];
  readonly plans: readonly { readonly target: number; readonly init: FuncRecord; readonly main: FuncRecord }[];
  readonly source: SourceRecord | null;
  readonly requirements: readonly { readonly id: number; readonly npmPackage: number }[];
  readonly preprocessing: number;
  readonly build: BuildRecord;
}

export function metadataBytes(parts: MetadataParts): Uint8Array {
  const b = new Builder(4096);
  const source = parts.source ? sourceTable(b, parts.source) : 0;
  const plans = parts.plans.map((plan) => planTable(b, plan));
  const plansVector = plans.length > 0 ? fb.Program.createPlansVector(b, plans) : 0;
  const build = buildTable(b, parts.build);
  const fields = [...tableVectors(b, parts.tables), ...dataVectors(b, parts), ...interfaceVectors(b, parts)];
  fb.Program.startProgram(b);
  for (const add of fields) add();
  fb.Program.addPlans(b, plansVector);
  fb.Program.addSource(b, source);
  fb.Program.addPreprocessing(b, parts.preprocessing);
  fb.Program.addBuild(b, build);
  fb.Program.finishProgramBuffer(b, fb.Program.endProgram(b));
  return b.asUint8Array().slice();
}

/** Sets a field of the table under construction. */
type AddField = () => void;

/** A vector of structs, written from the last to the first; 0 (no field) when there are none. */
function structs<T>(rows: readonly T[], start: (n: number) => void, write: (row: T) => void, b: Builder): Offset {
  if (rows.length === 0) return 0;
  start(rows.length);
  for (let i = rows.length - 1; i >= 0; i--) write(rows[i] as T);
  return b.endVector();
}

const ints = (values: readonly number[], create: (data: Int32Array) => Offset): Offset =>
  values.length === 0 ? 0 : create(Int32Array.from(values));
const uints = (values: readonly number[], create: (data: Uint32Array) => Offset): Offset =>
  values.length === 0 ? 0 : create(Uint32Array.from(values));

function tableVectors(b: Builder, tables: TableBuilder): AddField[] {
  const P = fb.Program;
  const dims = ints(
    tables.types.flatMap((type) => type.dims),
    (data) => P.createDimsVector(b, data),
  );
  const types = structs(
    tables.types,
    (n) => P.startTypesVector(b, n),
    (t) => fb.Type.createType(b, t.dtype, t.dims.length),
    b,
  );
  const exprs = structs(
    tables.exprs,
    (n) => P.startExprsVector(b, n),
    (e) => fb.Expr.createExpr(b, e.op, e.a, e.b),
    b,
  );
  const symbols = structs(
    tables.symbols,
    (n) => P.startSymbolsVector(b, n),
    (s) => fb.DimSymbol.createDimSymbol(b, s.name, s.original),
    b,
  );
  const dictItems = structs(
    tables.dictItems,
    (n) => P.startDictItemsVector(b, n),
    (d) => fb.DictItem.createDictItem(b, d.key, d.value),
    b,
  );
  const listItems = uints(tables.listItems, (data) => P.createAttrItemsVector(b, data));
  const attrs = structs(
    tables.attrs,
    (n) => P.startAttrsVector(b, n),
    (x) => fb.Attr.createAttr(b, x.kind, x.a, x.b),
    b,
  );
  const strings = P.createStringsVector(
    b,
    tables.strings.map((text) => b.createString(text)),
  );
  return [
    () => P.addDims(b, dims),
    () => P.addTypes(b, types),
    () => P.addExprs(b, exprs),
    () => P.addSymbols(b, symbols),
    () => P.addDictItems(b, dictItems),
    () => P.addAttrItems(b, listItems),
    () => P.addAttrs(b, attrs),
    () => P.addStrings(b, strings),
  ];
}

function dataVectors(b: Builder, { constants, sections }: MetadataParts): AddField[] {
  const P = fb.Program;
  const params = sections.flatMap((s) => [...s.params]);
  const paramBytes = params.length === 0 ? 0 : P.createCodecParamsVector(b, params);
  const writeSection = (s: MetadataParts["sections"][number]) =>
    fb.Section.createSection(
      b,
      BigInt(s.offset),
      BigInt(s.stored.length),
      BigInt(s.rawLength),
      s.crc,
      s.codecName,
      s.params.length,
      s.typeIndex,
    );
  const sectionVector = structs(sections, (n) => P.startSectionsVector(b, n), writeSection, b);
  const writeConstant = (c: ConstantRecord) => fb.Constant.createConstant(b, c.name, c.type, c.storage, c.flags, c.doc, c.loc);
  const constantVector = structs(constants.records, (n) => P.startConstantsVector(b, n), writeConstant, b);
  const derived = structs(
    constants.derived,
    (n) => P.startDerivedVector(b, n),
    (d) => fb.Derived.createDerived(b, d.op, d.attrs, d.operands),
    b,
  );
  const operands = ints(constants.derivedOperands, (data) => P.createDerivedOperandsVector(b, data));
  return [
    () => P.addCodecParams(b, paramBytes),
    () => P.addSections(b, sectionVector),
    () => P.addConstants(b, constantVector),
    () => P.addDerived(b, derived),
    () => P.addDerivedOperands(b, operands),
  ];
}

function interfaceVectors(b: Builder, parts: MetadataParts): AddField[] {
  const P = fb.Program;
  const port = (p: PortRecord) => fb.Port.createPort(b, p.name, p.original, p.type);
  const inputs = structs(parts.inputs, (n) => P.startInputsVector(b, n), port, b);
  const outputs = structs(parts.outputs, (n) => P.startOutputsVector(b, n), port, b);
  const requires = structs(
    parts.requires,
    (n) => P.startRequiresVector(b, n),
    (r) => fb.Require.createRequire(b, r.left, r.right),
    b,
  );
  const writeRequirement = (r: MetadataParts["requirements"][number]) => fb.Requirement.createRequirement(b, r.id, r.npmPackage);
  const requirements = structs(parts.requirements, (n) => P.startRequirementsVector(b, n), writeRequirement, b);
  return [
    () => P.addInputs(b, inputs),
    () => P.addOutputs(b, outputs),
    () => P.addRequires(b, requires),
    () => P.addRequirements(b, requirements),
  ];
}

function funcTable(b: Builder, f: FuncRecord): Offset {
  const F = fb.Func;
  const types = uints(f.types, (data) => F.createTypesVector(b, data));
  const names = uints(f.names, (data) => F.createNamesVector(b, data));
  const writeOp = (op: FuncRecord["ops"][number]) => fb.Op.createOp(b, op.name, op.attrs, op.operands, op.results, op.loc, op.doc);
  const ops = structs(f.ops, (n) => F.startOpsVector(b, n), writeOp, b);
  const operands = ints(f.operands, (data) => F.createOperandsVector(b, data));
  const returns = ints(f.returns, (data) => F.createReturnsVector(b, data));
  const results = structs(
    f.results,
    (n) => F.startResultsVector(b, n),
    (r) => fb.Result.createResult(b, r.name, r.type),
    b,
  );
  const carries = structs(
    f.carries,
    (n) => F.startCarriesVector(b, n),
    (c) => fb.Carry.createCarry(b, c.param, c.result),
    b,
  );
  const requires = structs(
    f.requires,
    (n) => F.startRequiresVector(b, n),
    (r) => fb.Require.createRequire(b, r.left, r.right),
    b,
  );
  return F.createFunc(b, f.name, f.doc, f.params, types, names, ops, operands, returns, results, carries, requires);
}

function planTable(b: Builder, plan: MetadataParts["plans"][number]): Offset {
  const init = funcTable(b, plan.init);
  const main = funcTable(b, plan.main);
  fb.Plan.startPlan(b);
  fb.Plan.addTarget(b, plan.target);
  fb.Plan.addInit(b, init);
  fb.Plan.addMain(b, main);
  return fb.Plan.endPlan(b);
}

function sourceTable(b: Builder, source: SourceRecord): Offset {
  const functions = fb.Source.createFunctionsVector(
    b,
    source.functions.map((f) => funcTable(b, f)),
  );
  return fb.Source.createSource(b, source.version, source.name, source.doc, source.meta, source.metaDoc, source.constants, functions);
}

function buildTable(b: Builder, build: BuildRecord): Offset {
  const bytes = (data: Uint8Array, create: (data: Uint8Array) => Offset) => (data.length === 0 ? 0 : create(data));
  const model = bytes(build.model, (data) => fb.Build.createModelVector(b, data));
  const data = bytes(build.data, (hash) => fb.Build.createDataVector(b, hash));
  const start = (n: number) => fb.Build.startPluginsVector(b, n);
  const plugins = structs(build.plugins, start, (p) => fb.Plugin.createPlugin(b, p.name, p.version), b);
  return fb.Build.createBuild(b, build.tersor, build.pipeline, build.costProfile, BigInt(build.seed), model, data, plugins);
}
