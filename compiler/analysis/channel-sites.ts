/**
 * @file Where axes meet: every op of every function, and every op that defines a constant, in one form, with what its record says about axes. A definition is cut like a layer.
 */
import {
  type AttrDict,
  type AxisMap,
  type Constant,
  type Module,
  type OpDef,
  type Operand,
  type OpRegistry,
  operandType,
  type TensorType,
  valueInfo,
} from "../../ir-spec/index.ts";

/** The name of a value or a constant among all places of a module. */
export type Place = string;

export const valuePlace = (func: string, id: number): Place => `%${id}@${func}`;
export const constantPlace = (name: string): Place => `@${name}`;

export interface Site {
  /** Function and place of the op in it; for a definition, the constant. */
  readonly at: { readonly func: string; readonly index: number } | { readonly constant: string };
  readonly op: string;
  readonly def: OpDef | null;
  readonly stored: AttrDict;
  readonly operands: readonly (Place | null)[];
  readonly types: readonly (TensorType | null)[];
  readonly results: readonly Place[];
  readonly outputs: readonly TensorType[];
  readonly maps: readonly AxisMap[];
}

/** Definitions first, then the functions' ops in order. */
export function sitesOf(module: Module, registry: OpRegistry): readonly Site[] {
  const definitions = [...module.constants.values()].flatMap((c) => definitionSite(module, registry, c) ?? []);
  const ops = [...module.functions.values()].flatMap((func) =>
    func.ops.map((op, index): Site => {
      const place = (operand: Operand) =>
        operand === null ? null : typeof operand === "number" ? valuePlace(func.name, operand) : constantPlace(operand);
      return withMaps(registry, {
        at: { func: func.name, index },
        op: op.name,
        def: registry.get(op.name),
        stored: op.attrs,
        operands: op.operands.map(place),
        types: op.operands.map((operand) => operandType(module, func, operand)),
        results: op.results.map((id) => valuePlace(func.name, id)),
        outputs: op.results.map((id) => valueInfo(func, id).type),
      });
    }),
  );
  return [...definitions, ...ops];
}

function definitionSite(module: Module, registry: OpRegistry, constant: Constant): Site | null {
  if (constant.kind !== "derived") return null;
  const types = constant.operands.map((name) => (name === null ? null : (module.constants.get(name)?.type ?? null)));
  return withMaps(registry, {
    at: { constant: constant.name },
    op: constant.op,
    def: registry.get(constant.op),
    stored: constant.attrs,
    operands: constant.operands.map((name) => (name === null ? null : constantPlace(name))),
    types,
    results: [constantPlace(constant.name)],
    outputs: [constant.type],
  });
}

function withMaps(registry: OpRegistry, site: Omit<Site, "maps">): Site {
  const { def, stored, types, outputs } = site;
  const maps = def?.maps?.({ types, attrs: registry.attrs(def, stored), outputs }) ?? [];
  return { ...site, maps };
}

/** Names of an operand's axes, from its record: those before `...` from the front, those behind it from the back. */
export function axisNames({ def, types }: Site, operand: number): readonly (string | null)[] {
  const spec = def?.operands[Math.min(operand, def.operands.length - 1)];
  const rank = types[operand]?.shape.length ?? 0;
  const names = spec?.axes ?? [];
  const dots = names.indexOf("...");
  if (dots < 0) return Array.from({ length: rank }, (_, axis) => (names.length === rank ? (names[axis] ?? null) : null));
  const behind = names.length - dots - 1;
  return Array.from({ length: rank }, (_, axis) => {
    if (axis >= rank - behind) return names[names.length - (rank - axis)] ?? null;
    return axis < dots ? (names[axis] ?? null) : null;
  });
}
