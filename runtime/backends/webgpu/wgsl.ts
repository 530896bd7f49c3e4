/**
 * @file Putting a compute shader together: bindings, a uniform block of 32-bit fields, and the few functions that many kernels share. All index arithmetic is i32: a binding holds less
 * than 2^31 bytes. Arithmetic is f32 whatever the storage is.
 */
import type { RuntimeDType } from "../../tensor.ts";
import { bitsPerElement } from "../../tensor.ts";

/** Invocations of a workgroup of one-dimensional kernels. */
export const workgroup = 64;
/** WebGPU's least `maxComputeWorkgroupsPerDimension`. */
const mostGroups = 65_535;

/** Fields of a uniform block, in order, 4 bytes each. */
export class Params<Name extends string> {
  private readonly names: readonly Name[];

  constructor(...names: readonly Name[]) {
    this.names = names;
  }

  get vectors(): number {
    return Math.max(1, Math.ceil(this.names.length / 4));
  }

  /** `let rows = p[0].x;` for each field. */
  get lets(): string {
    return this.names.map((name, i) => `let ${name} = p[${i >> 2}].${"xyzw"[i & 3]};`).join("\n  ");
  }

  pack(values: Readonly<Record<Name, number>>): Uint32Array {
    const words = new Int32Array(this.vectors * 4);
    this.names.forEach((name, i) => {
      words[i] = values[name];
    });
    return new Uint32Array(words.buffer);
  }
}

/** Bits of a float, for a field that the shader reads with `bitcast<f32>`. */
export function floatBits(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0] as number;
}

export interface Binding {
  readonly name: string;
  /** WGSL type of an element. */
  readonly of: string;
  readonly write?: true;
}

export interface ShaderParts {
  readonly bindings: readonly Binding[];
  readonly params: Params<string>;
  readonly functions?: string;
  readonly size?: readonly [number, number, number];
  /** Body of `main`; `id` is the global invocation id, `grid` the number of workgroups. */
  readonly body: string;
}

export function shader({ bindings, params, functions = "", size = [workgroup, 1, 1], body }: ShaderParts): string {
  const f16 = bindings.some(({ of }) => of.includes("f16")) ? "enable f16;\n" : "";
  const declared = bindings.map(
    ({ name, of, write }, i) => `@group(0) @binding(${i}) var<storage, ${write ? "read_write" : "read"}> ${name}: array<${of}>;`,
  );
  return `${f16}${declared.join("\n")}
@group(0) @binding(${bindings.length}) var<uniform> p: array<vec4<i32>, ${params.vectors}>;
${functions}
@compute @workgroup_size(${size.join(", ")})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>) {
  ${params.lets}
${body}
}
`;
}

/** One invocation per `i` below `count`, over as many rows of workgroups as are needed. */
export const eachIndex = `
  let i = i32(id.x + id.y * grid.x * ${workgroup}u);
  if (i >= count) { return; }`;

export function gridFor(count: number): readonly [number, number, number] {
  const groups = Math.ceil(count / workgroup);
  const rows = Math.max(1, Math.ceil(groups / mostGroups));
  return [Math.ceil(groups / rows), rows, 1];
}

/** Whether a grid is within the limits that every device has. */
export function fitsGrid(grid: readonly number[]): boolean {
  return grid.every((groups) => groups <= mostGroups);
}

/** Storage type of a float dtype. */
export function floatType(dtype: RuntimeDType): "f32" | "f16" {
  return dtype === "f16" ? "f16" : "f32";
}

const signed: readonly RuntimeDType[] = ["i32", "i16", "i8", "i4", "i2"];

/** `fn <name>(i: i32) -> i32`: element i of an array of u32 words that packs integers of `dtype` low bits first. */
export function codeReader(name: string, words: string, dtype: RuntimeDType): string {
  const bits = bitsPerElement(dtype);
  if (bits === 32) return `fn ${name}(i: i32) -> i32 { return bitcast<i32>(${words}[i]); }`;
  const perWord = 32 / bits;
  const at = `u32(i % ${perWord}) * ${bits}u`;
  const word = `${words}[i / ${perWord}]`;
  return signed.includes(dtype)
    ? `fn ${name}(i: i32) -> i32 { return extractBits(bitcast<i32>(${word}), ${at}, ${bits}u); }`
    : `fn ${name}(i: i32) -> i32 { return i32(extractBits(${word}, ${at}, ${bits}u)); }`;
}

/** Statements that split `from` into coordinates `<c>0 .. <c>(rank-1)` of the row-major sizes `<size>0 ..`. */
export function split(from: string, coordinate: string, size: string, rank: number): string {
  const lines = [`var rest = ${from};`];
  for (let axis = rank - 1; axis >= 0; axis--) {
    lines.push(`let ${coordinate}${axis} = rest % ${size}${axis};`);
    if (axis > 0) lines.push(`rest = rest / ${size}${axis};`);
  }
  return lines.join("\n  ");
}

/** `c0 * stride0 + c1 * stride1 ...` */
export function dot(coordinate: string, stride: string, rank: number): string {
  return rank === 0 ? "0" : Array.from({ length: rank }, (_, axis) => `${coordinate}${axis} * ${stride}${axis}`).join(" + ");
}

/** Names `size0 .. size(rank-1)`. */
export function numbered(name: string, rank: number): readonly string[] {
  return Array.from({ length: rank }, (_, axis) => `${name}${axis}`);
}

export function numberedValues(name: string, values: readonly number[]): Readonly<Record<string, number>> {
  return Object.fromEntries(values.map((value, axis) => [`${name}${axis}`, value]));
}

/** WGSL of the fused activation on `v`. NaN stays NaN. */
export function activated(v: string, activation: unknown): string {
  if (activation === "relu") return `select(${v}, 0.0, ${v} < 0.0)`;
  if (activation === "relu6") return `min(select(${v}, 0.0, ${v} < 0.0), 6.0)`;
  return v;
}
