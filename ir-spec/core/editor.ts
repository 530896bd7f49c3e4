/**
 * @file The editors. A pass edits a mutable working copy (linked ops, use lists built once) and freezes it in one O(n) step;
 * what was not touched is shared, and an untouched function or module freezes to the very object it came from.
 */
import { type AttrInput, writeAttrs } from "../ops/attr-spec.ts";
import type { Builder } from "../ops/define.ts";
import { inferOp } from "../ops/infer.ts";
import type { OpRegistry } from "../ops/registry.ts";
import { type Signature, signatureOf } from "../ops/signature.ts";
import type { AttrDict } from "./attr.ts";
import { type Constant, dataConstant } from "./constant.ts";
import type { Dim } from "./dim.ts";
import type { DType } from "./dtype.ts";
import {
  type Func,
  type FuncResult,
  type Module,
  type Op,
  type Operand,
  operandType,
  type Require,
  type ValueId,
  type ValueInfo,
} from "./graph.ts";
import { type Location, unknownLocation } from "./location.ts";
import { allocateData, encodeTensor, hostTensor, type TensorData } from "./tensor.ts";
import { type TensorType, tensorType, typeEquals } from "./type.ts";

/** An op in a working copy. Change it through its editor only. */
export interface EditableOp {
  readonly name: string;
  readonly operands: readonly Operand[];
  readonly attrs: AttrDict;
  readonly results: readonly ValueId[];
  readonly doc: string | null;
  readonly loc: Location;
}

interface Node extends EditableOp {
  name: string;
  operands: Operand[];
  attrs: AttrDict;
  loc: Location;
  prev: Node | null;
  next: Node | null;
  alive: boolean;
  /** The frozen op this node came from, while it is unchanged. */
  origin: Op | null;
}

export interface InsertOptions {
  /** Before this op; absent: at the end. */
  readonly before?: EditableOp;
  readonly names?: readonly (string | null)[];
  readonly loc?: Location;
  readonly doc?: string | null;
}

export class ModuleEditor {
  readonly registry: OpRegistry;
  private readonly base: Module;
  private readonly functionEditors = new Map<string, FunctionEditor>();
  /** Functions that the base does not have, as they were when they were added. */
  private readonly added = new Map<string, Func>();
  private constants: Map<string, Constant> | null = null;
  private changes: Partial<Module> = {};

  constructor(base: Module, registry: OpRegistry) {
    this.base = base;
    this.registry = registry;
  }

  functionNames(): readonly string[] {
    return [...this.base.functions.keys(), ...this.added.keys()];
  }

  /** A new function to build into, see `emptyFunction`. @throws RangeError when the name is taken */
  addFunction(func: Func): FunctionEditor {
    if (this.freshSymbol(func.name) !== func.name) throw new RangeError(`module @${this.base.name} has a symbol @${func.name} already`);
    this.added.set(func.name, func);
    return this.function(func.name);
  }

  /** Takes back a function that was added. */
  dropFunction(name: string): void {
    this.added.delete(name);
    this.functionEditors.delete(name);
  }

  /** Signature of a function as it is now. */
  signature(name: string): Signature | null {
    const editor = this.functionEditors.get(name);
    if (editor) return editor.signature();
    const func = this.base.functions.get(name);
    return func ? signatureOf(func) : null;
  }

  /** @throws RangeError when there is no such function. */
  function(name = "main"): FunctionEditor {
    const open = this.functionEditors.get(name);
    if (open) return open;
    const func = this.base.functions.get(name) ?? this.added.get(name);
    if (!func) throw new RangeError(`module @${this.base.name} has no function @${name}`);
    const editor = new FunctionEditor(this, func);
    this.functionEditors.set(name, editor);
    return editor;
  }

  constant(name: string): Constant | null {
    return this.view().get(name) ?? null;
  }

  allConstants(): Iterable<Constant> {
    return [...this.view().values()];
  }

  /** Adds or replaces; the position of a replaced constant is kept. */
  setConstant(constant: Constant): void {
    if (this.view().get(constant.name) === constant) return;
    this.writable().set(constant.name, constant);
  }

  removeConstant(name: string): void {
    if (this.view().has(name)) this.writable().delete(name);
  }

  /** `base`, or `base.2`, `base.3`... */
  freshSymbol(base: string): string {
    const taken = (name: string) =>
      this.view().has(name) || this.base.functions.has(name) || this.added.has(name) || this.base.resources.has(name);
    if (!taken(base)) return base;
    for (let i = 2; ; i++) if (!taken(`${base}.${i}`)) return `${base}.${i}`;
  }

  set(changes: Pick<Partial<Module>, "meta" | "doc" | "name" | "resources">): void {
    this.changes = { ...this.changes, ...changes };
  }

  freeze(): Module {
    let functions: Map<string, Func> | null = null;
    for (const [name, editor] of this.functionEditors) {
      const frozen = editor.freeze();
      if (frozen === this.base.functions.get(name)) continue;
      functions ??= new Map(this.base.functions);
      functions.set(name, frozen);
    }
    if (!functions && !this.constants && Object.keys(this.changes).length === 0) return this.base;
    return {
      ...this.base,
      ...this.changes,
      ...(functions ? { functions } : {}),
      ...(this.constants ? { constants: this.constants } : {}),
    };
  }

  private view(): ReadonlyMap<string, Constant> {
    return this.constants ?? this.base.constants;
  }

  private writable(): Map<string, Constant> {
    this.constants ??= new Map(this.base.constants);
    return this.constants;
  }
}

export class FunctionEditor implements Builder {
  readonly module: ModuleEditor;
  private readonly base: Func;
  private readonly values: ValueInfo[];
  private readonly defs: (Node | null)[];
  /** Ops that read each value, each once, in the order in which they came to use it. Short lists are arrays: most values have one or two users. */
  private readonly uses: (Node[] | Set<Node> | null)[];
  private first: Node | null = null;
  private last: Node | null = null;
  private returns: (ValueId | string)[];
  private results: readonly FuncResult[];
  private requires: readonly Require[];
  private changed = false;
  private insertionPoint: Node | null = null;

  constructor(module: ModuleEditor, base: Func) {
    this.module = module;
    this.base = base;
    this.values = [...base.values];
    this.defs = new Array(base.values.length).fill(null);
    this.uses = new Array(base.values.length).fill(null);
    this.returns = [...base.returns];
    this.results = base.results;
    this.requires = base.requires;
    for (const op of base.ops) this.link(nodeOf(op), null);
  }

  get name(): string {
    return this.base.name;
  }

  get params(): readonly ValueId[] {
    return this.base.params;
  }

  /** Ops in order. Inserting and erasing while iterating is safe; erased ops are skipped. */
  *ops(): Iterable<EditableOp> {
    let node = this.first;
    while (node) {
      const next = node.next;
      if (node.alive) yield node;
      node = node.alive ? node.next : next;
    }
  }

  /** Ops from last to first. */
  *opsReversed(): Iterable<EditableOp> {
    let node = this.last;
    while (node) {
      const prev = node.prev;
      if (node.alive) yield node;
      node = prev;
    }
  }

  info(id: ValueId): ValueInfo {
    const info = this.values[id];
    if (!info) throw new RangeError(`@${this.name} has no value ${id}`);
    return info;
  }

  typeOf(operand: Operand): TensorType {
    if (typeof operand === "number") return this.info(operand).type;
    if (operand === null) throw new RangeError("an absent operand has no type");
    const constant = this.module.constant(operand);
    if (!constant) throw new RangeError(`no constant @${operand}`);
    return constant.type;
  }

  /** The op that defines the value; null for a parameter. */
  def(id: ValueId): EditableOp | null {
    return this.defs[id] ?? null;
  }

  users(id: ValueId): readonly EditableOp[] {
    return [...(this.uses[id] ?? [])];
  }

  isReturned(id: ValueId): boolean {
    return this.returns.includes(id);
  }

  /** Where `emit` puts ops: before this op, or at the end for null. */
  insertBefore(op: EditableOp | null): void {
    this.insertionPoint = op as Node | null;
  }

  emit(op: string, operands: readonly Operand[], attrs: AttrInput = {}): readonly ValueId[] {
    return this.insert(op, operands, attrs, this.insertionPoint ? { before: this.insertionPoint } : {});
  }

  one(op: string, operands: readonly Operand[], attrs: AttrInput = {}): ValueId {
    const [value] = this.emit(op, operands, attrs);
    if (value === undefined) throw new RangeError(`${op} has no result`);
    return value;
  }

  scalar(value: number, dtype: DType): Operand {
    const data = allocateData(dtype, 1);
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[0] = BigInt(value);
    else (data as Exclude<TensorData, BigInt64Array | BigUint64Array>)[0] = value;
    const base = `scalar.${dtype}.${String(value).replace(/[^A-Za-z0-9]/g, "_")}`;
    const bytes = encodeTensor(hostTensor(dtype, [], data));
    const present = this.module.constant(base);
    if (present?.kind === "data" && present.storage.kind === "bytes" && present.storage.bytes.every((b, i) => b === bytes[i])) return base;
    const name = this.module.freshSymbol(base);
    this.module.setConstant(dataConstant(name, tensorType(dtype, []), bytes));
    return name;
  }

  /** Types are inferred. @throws TersorError as `inferOp`. */
  insert(name: string, operands: readonly Operand[], attrs: AttrInput = {}, options: InsertOptions = {}): readonly ValueId[] {
    const def = this.module.registry.require(name);
    return this.insertStored(name, operands, writeAttrs(def.attrs, attrs), options);
  }

  /** `insert` with stored attributes; `types` gives the result types of ops that do not infer them. */
  insertStored(
    name: string,
    operands: readonly Operand[],
    attrs: AttrDict,
    options: InsertOptions & { readonly types?: readonly TensorType[] } = {},
  ): readonly ValueId[] {
    const inferred = this.infer(name, operands, attrs, options.types ?? null);
    const results = inferred.types.map((type, i) => this.newValue(options.names?.[i] ?? null, type));
    const loc = options.loc ?? (options.before as Node | undefined)?.loc ?? unknownLocation;
    const node: Node = { ...fresh, name, operands: [...operands], attrs, results, doc: options.doc ?? null, loc };
    this.addRequires(inferred.requires);
    this.link(node, (options.before as Node | undefined) ?? null);
    this.changed = true;
    return results;
  }

  /** Adds `require [left] == [right]` unless it is there. */
  require(left: Dim, right: Dim): void {
    this.addRequires([{ left, right }]);
  }

  signature(): Signature {
    return { params: this.params.map((id) => this.info(id).type), results: this.results.map(({ type }) => type) };
  }

  /** Every use of `from`, returns included, becomes `to`. An unnamed `to` takes over the name. */
  replaceAllUses(from: ValueId, to: Operand): void {
    if (from === to) return;
    for (const node of this.uses[from] ?? []) {
      node.operands = node.operands.map((operand) => (operand === from ? to : operand));
      node.origin = null;
      if (typeof to === "number") this.use(to, node);
    }
    this.uses[from] = null;
    if (to !== null) this.returns = this.returns.map((operand) => (operand === from ? to : operand));
    this.inheritName(from, to);
    this.changed = true;
  }

  setOperand(op: EditableOp, index: number, operand: Operand): void {
    const node = op as Node;
    const old = node.operands[index];
    if (old === operand) return;
    node.operands[index] = operand;
    node.origin = null;
    if (typeof old === "number" && !node.operands.includes(old)) this.unuse(old, node);
    if (typeof operand === "number") this.use(operand, node);
    this.changed = true;
  }

  setAttrs(op: EditableOp, attrs: AttrDict): void {
    const node = op as Node;
    node.attrs = attrs;
    node.origin = null;
    this.changed = true;
  }

  setLoc(op: EditableOp, loc: Location): void {
    const node = op as Node;
    node.loc = loc;
    node.origin = null;
    this.changed = true;
  }

  rename(id: ValueId, name: string | null): void {
    this.values[id] = { ...this.info(id), name };
    this.changed = true;
  }

  setReturn(index: number, operand: ValueId | string): void {
    this.returns[index] = operand;
    this.changed = true;
  }

  /** Sets all results of the function at once: used when a function is built from nothing. */
  setResults(results: readonly { readonly name: string; readonly operand: ValueId | string }[]): void {
    this.returns = results.map((r) => r.operand);
    this.results = results.map((r) => ({ name: r.name, type: this.typeOf(r.operand) }));
    this.changed = true;
  }

  returned(): readonly (ValueId | string)[] {
    return this.returns;
  }

  /** @throws RangeError while a result is in use. */
  erase(op: EditableOp): void {
    const node = op as Node;
    for (const result of node.results) {
      if (this.isUsed(result) || this.isReturned(result)) throw new RangeError(`${node.name}: a result is still in use`);
    }
    for (const operand of node.operands) if (typeof operand === "number") this.unuse(operand, node);
    if (node.prev) node.prev.next = node.next;
    else this.first = node.next;
    if (node.next) node.next.prev = node.prev;
    else this.last = node.prev;
    node.alive = false;
    this.changed = true;
  }

  /** Re-runs inference over all ops after operand types or constants changed; results of the function follow. */
  refreshTypes(): void {
    for (const op of this.ops()) {
      const declared = op.results.map((id) => this.info(id).type);
      const inferred = this.infer(op.name, op.operands, op.attrs, declared);
      this.addRequires(inferred.requires);
      for (const [i, id] of op.results.entries()) this.retype(id, inferred.types[i] as TensorType);
    }
    this.results = this.results.map((result, i) => {
      const type = this.typeOf(this.returns[i] as Operand);
      if (typeEquals(type, result.type)) return result;
      this.changed = true;
      return { ...result, type };
    });
  }

  freeze(): Func {
    if (!this.changed) return this.base;
    const map = new Map<ValueId, ValueId>();
    const values: ValueInfo[] = [];
    const keep = (id: ValueId): ValueId => {
      map.set(id, values.length);
      values.push(this.info(id));
      return values.length - 1;
    };
    const renumber = (operand: Operand): Operand => (typeof operand === "number" ? (map.get(operand) as ValueId) : operand);
    const params = this.base.params.map(keep);
    const ops: Op[] = [];
    for (const op of this.ops()) {
      const operands = op.operands.map(renumber);
      ops.push(frozenOp(op as Node, operands, op.results.map(keep)));
    }
    const carries = this.base.carries.map((c) => ({ ...c, param: map.get(c.param) as ValueId }));
    const returns = this.returns.map((r) => renumber(r) as ValueId | string);
    return { ...this.base, values, params, ops, returns, carries, results: this.results, requires: this.requires };
  }

  private infer(name: string, operands: readonly Operand[], attrs: AttrDict, declared: readonly TensorType[] | null) {
    const def = this.module.registry.require(name);
    const types = operands.map((operand) => (operand === null ? null : this.typeOf(operand)));
    const known = (i: number): readonly Dim[] | null => {
      const operand = operands[i];
      const constant = typeof operand === "string" ? this.module.constant(operand) : null;
      return constant ? knownIntegers(constant) : null;
    };
    return inferOp(this.module.registry, def, { types, attrs, declared, known, callee: (called) => this.module.signature(called) });
  }

  private addRequires(added: readonly Require[]): void {
    if (added.length === 0) return;
    const key = (r: Require) =>
      `${typeof r.left === "number" ? r.left : r.left.key}==${typeof r.right === "number" ? r.right : r.right.key}`;
    const present = new Set(this.requires.map(key));
    const news = added.filter((r) => !present.has(key(r)));
    if (news.length === 0) return;
    this.requires = [...this.requires, ...news];
    this.changed = true;
  }

  private retype(id: ValueId, type: TensorType): void {
    if (typeEquals(this.info(id).type, type)) return;
    this.values[id] = { ...this.info(id), type };
    this.changed = true;
  }

  private newValue(name: string | null, type: TensorType): ValueId {
    this.values.push({ name, type });
    this.defs.push(null);
    this.uses.push(null);
    return this.values.length - 1;
  }

  private inheritName(from: ValueId, to: Operand): void {
    const { name } = this.info(from);
    if (name === null || typeof to !== "number" || this.info(to).name !== null) return;
    this.rename(from, null);
    this.rename(to, name);
  }

  private isUsed(id: ValueId): boolean {
    const users = this.uses[id];
    return users ? (Array.isArray(users) ? users.length : users.size) > 0 : false;
  }

  private use(id: ValueId, node: Node): void {
    const users = this.uses[id];
    if (!users) this.uses[id] = [node];
    else if (!Array.isArray(users)) users.add(node);
    else if (users.length >= shortList) this.uses[id] = new Set([...users, node]);
    else if (!users.includes(node)) users.push(node);
  }

  private unuse(id: ValueId, node: Node): void {
    const users = this.uses[id];
    if (!Array.isArray(users)) return void users?.delete(node);
    const at = users.indexOf(node);
    if (at >= 0) users.splice(at, 1);
  }

  private link(node: Node, before: Node | null): void {
    node.next = before;
    node.prev = before ? before.prev : this.last;
    if (node.prev) node.prev.next = node;
    else this.first = node;
    if (before) before.prev = node;
    else this.last = node;
    for (const operand of node.operands) if (typeof operand === "number") this.use(operand, node);
    for (const result of node.results) this.defs[result] = node;
  }
}

/** Users of a value that are kept in an array. */
const shortList = 8;

const fresh = { prev: null, next: null, alive: true, origin: null } as const;

function nodeOf(op: Op): Node {
  return {
    name: op.name,
    operands: [...op.operands],
    attrs: op.attrs,
    results: op.results,
    doc: op.doc,
    loc: op.loc,
    prev: null,
    next: null,
    alive: true,
    origin: op,
  };
}

function frozenOp(node: Node, operands: readonly Operand[], results: readonly ValueId[]): Op {
  const same = (a: readonly Operand[], b: readonly Operand[]) => a.length === b.length && a.every((x, i) => x === b[i]);
  if (node.origin && same(node.origin.operands, operands) && same(node.origin.results, results)) return node.origin;
  return { name: node.name, operands, attrs: node.attrs, results, doc: node.doc, loc: node.loc };
}

/** Elements of a small integer data constant, for shape arithmetic. Never evaluates a definition. */
export function knownIntegers(constant: Constant): readonly number[] | null {
  const { dtype } = constant.type;
  if ((dtype !== "i64" && dtype !== "i32") || constant.kind !== "data" || constant.storage.kind !== "bytes") return null;
  const { bytes } = constant.storage;
  if (bytes.length > 512) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = dtype === "i64" ? 8 : 4;
  return Array.from({ length: bytes.length / size }, (_, i) =>
    dtype === "i64" ? Number(view.getBigInt64(i * 8, true)) : view.getInt32(i * 4, true),
  );
}

/** An empty function to build into: `new ModuleEditor({...module, functions}, registry).function(name)`. */
export function emptyFunction(name: string, params: readonly { readonly name: string; readonly type: TensorType }[]): Func {
  return {
    name,
    values: params.map((p) => ({ name: p.name, type: p.type })),
    params: params.map((_, i) => i),
    results: [],
    returns: [],
    carries: [],
    requires: [],
    ops: [],
    doc: null,
  };
}

/** Types of every operand of an op of a frozen function. */
export function operandTypes(module: Module, func: Func, op: Op): (TensorType | null)[] {
  return op.operands.map((operand) => operandType(module, func, operand));
}
