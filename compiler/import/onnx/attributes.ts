/**
 * @file Attributes of one node, read by kind with a default. What a translation did not read is an error afterwards: an attribute that is silently passed over
 * would give a wrong model.
 */
import { ImportFailure } from "./errors.ts";
import type { ExternalFiles } from "./external-data.ts";
import { toNumber } from "./int64.ts";
import type { AttributeProto, GraphProto, TensorProto } from "./proto/gen/onnx.js";
import { withData } from "./tensor.ts";

/** AttributeProto.AttributeType. */
const FLOAT = 1;
const INT = 2;
const STRING = 3;
const TENSOR = 4;
const GRAPH = 5;
const FLOATS = 6;
const INTS = 7;
const STRINGS = 8;
const kindNames: readonly string[] = [
  "undefined",
  "float",
  "int",
  "string",
  "tensor",
  "graph",
  "floats",
  "ints",
  "strings",
  "tensors",
  "graphs",
  "sparse tensor",
  "sparse tensors",
  "type",
  "types",
];

const utf8 = new TextDecoder();

export class Attributes {
  private readonly byName = new Map<string, AttributeProto>();
  private readonly unread: Set<string>;

  private readonly files: ExternalFiles | null;

  /** @param given attributes of the call, where the node stands in the body of a function @param files where tensors may have their data */
  constructor(protos: readonly AttributeProto[], given: GivenAttributes | null = null, files: ExternalFiles | null = null) {
    this.files = files;
    for (const proto of protos) {
      if (this.byName.has(proto.name)) throw new ImportFailure("E0606", `attribute ${proto.name} is given twice`);
      const meant = resolved(proto, given);
      if (meant) this.byName.set(proto.name, meant);
    }
    this.unread = new Set(this.byName.keys());
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** Names of attributes that nothing asked for. */
  left(): readonly string[] {
    return [...this.unread];
  }

  /** Marks attributes that mean nothing at inference as seen. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.unread.delete(name);
  }

  int<D extends number | null>(name: string, fallback: D): number | D {
    const proto = this.read(name, INT);
    return proto ? toNumber(proto.i) : fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.int(name, fallback ? 1 : 0);
    if (value !== 0 && value !== 1) throw new ImportFailure("E0606", `attribute ${name} must be 0 or 1, got ${value}`);
    return value === 1;
  }

  float<D extends number | null>(name: string, fallback: D): number | D {
    return this.read(name, FLOAT)?.f ?? fallback;
  }

  string(name: string, fallback: string): string {
    const proto = this.read(name, STRING);
    return proto ? utf8.decode(proto.s) : fallback;
  }

  /** One of `members`. @throws ImportFailure E0605 for another. */
  choice<M extends string>(name: string, members: readonly M[], fallback: M): M {
    const value = this.string(name, fallback);
    const member = members.find((candidate) => candidate === value);
    if (member === undefined)
      throw new ImportFailure("E0605", `${name} = ${JSON.stringify(value)} is not supported; supported: ${members.join(", ")}`);
    return member;
  }

  ints(name: string): readonly number[] | null {
    return this.read(name, INTS)?.ints.map(toNumber) ?? null;
  }

  floats(name: string): readonly number[] | null {
    return this.read(name, FLOATS)?.floats ?? null;
  }

  strings(name: string): readonly string[] | null {
    return this.read(name, STRINGS)?.strings.map((text) => utf8.decode(text)) ?? null;
  }

  tensor(name: string): TensorProto | null {
    const tensor = this.read(name, TENSOR)?.t ?? null;
    return tensor && this.files ? withData(tensor, `attribute ${name}`, this.files) : tensor;
  }

  graph(name: string): GraphProto | null {
    return this.read(name, GRAPH)?.g ?? null;
  }

  private read(name: string, kind: number): AttributeProto | null {
    const proto = this.byName.get(name);
    if (!proto) return null;
    this.unread.delete(name);
    const given = proto.type === 0 ? guessKind(proto) : proto.type;
    if (given === kind || (given === 0 && (kind === INTS || kind === FLOATS || kind === STRINGS) && isEmpty(proto))) return proto;
    throw new ImportFailure("E0606", `attribute ${name} must be of kind ${kindNames[kind]}, got ${kindNames[given] ?? given}`);
  }
}

function isEmpty({ ints, floats, strings }: AttributeProto): boolean {
  return ints.length === 0 && floats.length === 0 && strings.length === 0;
}

/** Attributes of the call of a function, defaults among them, by name. */
export type GivenAttributes = ReadonlyMap<string, AttributeProto>;

/** What stands for the attribute: itself, or the one of the call that it refers to; null when the call lacks that. @throws ImportFailure E0606 outside of a function */
export function resolved(proto: AttributeProto, given: GivenAttributes | null): AttributeProto | null {
  if (proto.refAttrName === "") return proto;
  if (!given) throw new ImportFailure("E0606", `attribute ${proto.name} refers to an attribute of a function, and stands in none`);
  return given.get(proto.refAttrName) ?? null;
}

/** Files of IR version 1 do not say the kind: the field that is there does. */
function guessKind(proto: AttributeProto): number {
  const own = (field: keyof AttributeProto) => Object.hasOwn(proto, field);
  if (own("i")) return INT;
  if (own("f")) return FLOAT;
  if (own("s")) return STRING;
  if (own("t")) return TENSOR;
  if (own("g")) return GRAPH;
  if (proto.ints.length > 0) return INTS;
  if (proto.strings.length > 0) return STRINGS;
  return proto.floats.length > 0 ? FLOATS : 0;
}
