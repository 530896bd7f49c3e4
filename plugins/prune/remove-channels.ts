/**
 * @file Removes channel groups: constants lose their slices, ops change through their record's `select`, and inference proves every result type before anything is rewritten. Bytes are moved, never
 * numbers, so what stays keeps its bits.
 */
import { type ChannelGroups, constantPlace, type Place, type Site, shown } from "../../compiler/index.ts";
import {
  type AttrDict,
  type Constant,
  constantBytes,
  type DataConstant,
  dataConstant,
  decodeTensor,
  dtypeInfo,
  encodeTensor,
  hostTensor,
  inferOp,
  isNote,
  knownIntegers,
  type Module,
  ModuleEditor,
  type OpRegistry,
  signaturesOf,
  type TensorType,
  TersorError,
  typeEquals,
  writeAttrs,
} from "../../ir-spec/index.ts";
import type { Cut } from "./cut.ts";

/** An axis that an op does not let go. */
export interface Refusal {
  readonly place: Place;
  readonly axis: number;
  readonly reason: string;
}

/** New attributes of every site that the cut touches; or why one refuses. */
export type CutPlan =
  | { readonly ok: true; readonly attrs: ReadonlyMap<Site, AttrDict> }
  | { readonly ok: false; readonly refusal: Refusal };

/** Asks every touched op, and infers its results again. */
export function planCut(module: Module, registry: OpRegistry, { sites }: ChannelGroups, cut: Cut): CutPlan {
  const attrs = new Map<Site, AttrDict>();
  for (const site of sites) {
    const places = [...site.operands, ...site.results];
    if (!places.some((place) => place !== null && cut.touches(place))) continue;
    const chosen = selectSite(registry, site, cut);
    if ("reason" in chosen) return { ok: false, refusal: chosen };
    const wrong = checkTypes(module, registry, site, cut, chosen.stored);
    if (wrong) return { ok: false, refusal: wrong };
    attrs.set(site, chosen.stored);
  }
  return { ok: true, attrs };
}

/** One `select` for each set of axes that the maps tie, on the operands that are cut. */
function selectSite(registry: OpRegistry, site: Site, cut: Cut): { readonly stored: AttrDict } | Refusal {
  const { def } = site;
  if (!def?.select) return { stored: site.stored };
  let stored = site.stored;
  let types = [...site.types];
  const done = new Set<string>();
  for (const [index, place] of site.operands.entries()) {
    if (place === null) continue;
    for (const axis of cut.axes(place)) {
      if (done.has(`${index} ${axis}`)) continue;
      const indices = cut.kept(place, axis, Number(site.types[index]?.shape[axis] ?? 0));
      const selection = def.select({ types, attrs: registry.attrs(def, stored), side: "operand", index, axis, indices });
      if ("refuse" in selection) return { place, axis, reason: `${site.op}: ${selection.refuse}` };
      stored = withNotes(writeAttrs(def.attrs, selection.attrs), site.stored);
      for (const tied of tiedOperands(site, index, axis)) {
        done.add(`${tied.operand} ${tied.axis}`);
        types = types.map((type, i) => (i === tied.operand ? shorter(type, site, cut, i, tied.axis) : type));
      }
    }
  }
  return { stored };
}

function shorter(type: TensorType | null, site: Site, cut: Cut, operand: number, axis: number): TensorType | null {
  const place = site.operands[operand] ?? null;
  if (!type || place === null) return type;
  return {
    ...type,
    shape: type.shape.map((dim, i) =>
      i === axis && typeof dim === "number" ? Number(site.types[operand]?.shape[axis]) - cut.count(place, axis) : dim,
    ),
  };
}

/** The axis, and those of all operands that are the same result axis. */
function tiedOperands(site: Site, operand: number, axis: number): readonly { readonly operand: number; readonly axis: number }[] {
  const own = site.maps.filter((map) => map.operand === operand && map.operandAxes.includes(axis) && map.offset === undefined);
  const others = own.flatMap(({ result, resultAxes }) =>
    site.maps
      .filter(
        (map) =>
          map.result === result &&
          map.offset === undefined &&
          map.resultAxes.length === 1 &&
          resultAxes.includes(map.resultAxes[0] as number),
      )
      .flatMap((map) => map.operandAxes.map((a) => ({ operand: map.operand, axis: a }))),
  );
  return [{ operand, axis }, ...others.filter((o) => o.operand !== operand)];
}

function withNotes(attrs: AttrDict, before: AttrDict): AttrDict {
  return new Map([...attrs, ...[...before].filter(([name]) => isNote(name))]);
}

function checkTypes(module: Module, registry: OpRegistry, site: Site, cut: Cut, attrs: AttrDict): Refusal | null {
  const place = site.results.find((p) => cut.touches(p)) ?? site.operands.find((p) => p !== null && cut.touches(p)) ?? "";
  const refuse = (reason: string): Refusal => ({ place, axis: cut.axes(place)[0] ?? 0, reason: `${site.op}: ${reason}` });
  if (!site.def) return refuse("the op is not known");
  const wanted = site.outputs.map((type, i) => cut.type(site.results[i] ?? null, type) ?? type);
  try {
    const { types } = inferOp(registry, site.def, {
      types: site.types.map((type, i) => cut.type(site.operands[i] ?? null, type)),
      attrs,
      declared: wanted,
      known: (i) => knownOperand(module, site, i),
      callee: signaturesOf(module),
    });
    const wrong = types.findIndex((type, i) => !typeEquals(type, wanted[i] as TensorType));
    return wrong < 0 ? null : refuse(`its result ${shown(site.results[wrong] ?? "")} would not lose the same indices`);
  } catch (error) {
    if (error instanceof TersorError) return refuse(error.message);
    throw error;
  }
}

function knownOperand(module: Module, site: Site, operand: number): readonly number[] | null {
  const place = site.operands[operand];
  const constant = place?.startsWith("@") ? module.constants.get(place.slice(1)) : undefined;
  return constant ? knownIntegers(constant) : null;
}

/** The module without the cut's channels. */
export function applyCut(module: Module, registry: OpRegistry, cut: Cut, attrs: ReadonlyMap<Site, AttrDict>): Module {
  const editor = new ModuleEditor(module, registry);
  const definitions = new Map([...attrs].flatMap(([site, stored]) => ("constant" in site.at ? [[site.at.constant, stored] as const] : [])));
  for (const constant of module.constants.values()) {
    if (!cut.touches(constantPlace(constant.name))) continue;
    editor.setConstant(cutConstant(module, constant, cut, definitions.get(constant.name)));
  }
  for (const func of module.functions.values()) {
    const sites = new Map(
      [...attrs].flatMap(([site, stored]) => ("func" in site.at && site.at.func === func.name ? [[site.at.index, stored] as const] : [])),
    );
    if (sites.size === 0) continue;
    const body = editor.function(func.name);
    let index = 0;
    for (const op of [...body.ops()]) {
      const stored = sites.get(index++);
      if (stored && stored !== op.attrs) body.setAttrs(op, stored);
    }
    body.refreshTypes();
  }
  return editor.freeze();
}

function cutConstant(module: Module, constant: Constant, cut: Cut, attrs: AttrDict | undefined): Constant {
  const place = constantPlace(constant.name);
  const type = cut.type(place, constant.type) as TensorType;
  if (constant.kind === "derived") return { ...constant, type, attrs: attrs ?? constant.attrs };
  return sliced(module, constant, type, cut);
}

function sliced(module: Module, constant: DataConstant, type: TensorType, cut: Cut): DataConstant {
  if (constant.storage.kind === "splat") return { ...constant, type };
  const place = constantPlace(constant.name);
  const shape = constant.type.shape.map(Number);
  const kept = shape.map((size, axis) => cut.kept(place, axis, size));
  const bytes = constantBytes(module, constant);
  const { bits } = dtypeInfo(constant.type.dtype);
  const made = bits % 8 === 0 ? takeBytes(bytes, shape, kept, bits / 8) : takePacked(constant, bytes, shape, kept);
  return { ...dataConstant(constant.name, type, made, constant.loc), doc: constant.doc };
}

/** Elements at the product of the kept indices, row-major. */
function takeBytes(bytes: Uint8Array, shape: readonly number[], kept: readonly (readonly number[])[], size: number): Uint8Array {
  const out = new Uint8Array(kept.reduce((n, list) => n * list.length, size));
  let at = 0;
  eachKept(shape, kept, (element) => {
    out.set(bytes.subarray(element * size, (element + 1) * size), at);
    at += size;
  });
  return out;
}

/** Elements of less than a byte are unpacked first. */
function takePacked({ type }: DataConstant, bytes: Uint8Array, shape: readonly number[], kept: readonly (readonly number[])[]): Uint8Array {
  const { data } = decodeTensor(type.dtype, shape, bytes);
  const result = hostTensor(
    type.dtype,
    kept.map((list) => list.length),
  );
  let at = 0;
  eachKept(shape, kept, (element) => {
    result.data[at++] = data[element] as never;
  });
  return encodeTensor(result);
}

function eachKept(shape: readonly number[], kept: readonly (readonly number[])[], visit: (element: number) => void): void {
  const walk = (axis: number, base: number): void => {
    if (axis === shape.length) visit(base);
    else for (const index of kept[axis] ?? []) walk(axis + 1, base * (shape[axis] as number) + index);
  };
  walk(0, 0);
}

/** The module with the cut's channels zero in every float constant that multiplies or adds: what removing them must agree with. */
export function zeroChannels(module: Module, registry: OpRegistry, { sites }: ChannelGroups, cut: Cut): Module {
  const editor = new ModuleEditor(module, registry);
  for (const site of sites) {
    if ("constant" in site.at) continue;
    site.operands.forEach((place, i) => {
      const role = site.def?.operands[Math.min(i, (site.def?.operands.length ?? 1) - 1)]?.role;
      if (!place?.startsWith("@") || !cut.touches(place) || (role !== "weight" && role !== "bias" && role !== "scale")) return;
      const constant = editor.constant(place.slice(1));
      if (constant?.kind === "data") editor.setConstant(zeroed(module, constant, cut));
    });
  }
  return editor.freeze();
}

function zeroed(module: Module, constant: DataConstant, cut: Cut): DataConstant {
  const place = constantPlace(constant.name);
  const shape = constant.type.shape.map(Number);
  const bytes = Uint8Array.from(constantBytes(module, constant));
  const size = dtypeInfo(constant.type.dtype).bits / 8;
  const axes = cut.axes(place).map((axis) => ({ axis, gone: new Set(cut.kept(place, axis, shape[axis] as number)) }));
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((n, dim) => n * dim, 1));
  for (let element = 0; element < bytes.length / size; element++) {
    const stays = axes.every(({ axis, gone }) => gone.has(Math.floor(element / (strides[axis] as number)) % (shape[axis] as number)));
    if (!stays) bytes.fill(0, element * size, (element + 1) * size);
  }
  return { ...dataConstant(constant.name, constant.type, bytes, constant.loc), doc: constant.doc };
}
