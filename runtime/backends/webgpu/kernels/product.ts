/**
 * @file Sums of products that are a matrix product: `nn.linear`, `nn.matmul` by a constant, and 1x1 convolution. Each invocation makes 4 rows by 4 columns in registers, without
 * workgroup memory: GPUs cache the re-reads of these sizes, and software adapters pay dearly for barriers. Dense weights are packed as [columns / 4][inner] of vec4 at load;
 * quantized and shared weights are read in place, one column per invocation, as the codes that the file holds.
 */

import { span } from "../../../limits.ts";
import type { StepShapes } from "../../../step/step.ts";
import { activationCode, demand, intAttr, operand, result } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { BufferRef, Launch, Program, StepTypes, WebGpuKernel } from "../kernel.ts";
import { activated, type Binding, codeReader, eachIndex, fitsGrid, floatType, gridFor, Params, shader } from "../wgsl.ts";

/** x is [rows, inner] and y [rows, columns], or per batch x is [inner, rows] and y [columns, rows] (a 1x1 convolution over `rows` pixels). */
type Form = "linear" | "pointwise";

interface Sizes {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
}

function sizes(form: Form, call: StepShapes): Sizes {
  const [x, y] = [operand(call, 0).shape, result(call).shape];
  const [batch, inner, columns] = form === "linear" ? [1, x.at(-1) ?? 1, y.at(-1) ?? 1] : [x[0] ?? 1, x[1] ?? 1, y[1] ?? 1];
  const rows = form === "linear" ? elementCount(y.slice(0, -1)) : elementCount(y.slice(2));
  demand(
    call,
    elementCount(x) === batch * rows * inner && elementCount(y) === batch * rows * columns,
    `x is [${x.join(", ")}], the result [${y.join(", ")}]`,
  );
  return { batch, rows, columns, inner };
}

function work(form: Form, call: StepShapes): number {
  return span(result(call).shape) * sizes(form, call).inner;
}

const index = {
  linear: { x: "row * inner + k", y: "row * columns + column", step: "1", base: (row: string) => `${row} * inner` },
  pointwise: {
    x: "(n * inner + k) * rows + row",
    y: "(n * columns + column) * rows + row",
    step: "rows",
    base: (row: string) => `n * inner * rows + ${row}`,
  },
} as const;

const params = new Params("batch", "rows", "columns", "inner");
const tile = 4;
const size = [8, 8, 1] as const;

function packedProgram(form: Form, step: StepTypes): Program {
  const type = floatType(step.results[0]?.dtype ?? "f32");
  const biased = step.operands[2] !== null && step.operands[2] !== undefined;
  const { activation = "none" } = step.attrs;
  const { step: stride, base, y } = index[form];
  const bindings: Binding[] = [
    { name: "x", of: type },
    { name: "w", of: `vec4<${type}>` },
    ...(biased ? [{ name: "bias", of: type }] : []),
    { name: "y", of: type, write: true },
  ];
  const lanes = Array.from({ length: tile }, (_, t) => t);
  const body = `
  let n = i32(id.z);
  let first = i32(id.${form === "linear" ? "y" : "x"}) * ${tile};
  let panel = i32(id.${form === "linear" ? "x" : "y"});
  let column0 = panel * ${tile};
  if (first >= rows || column0 >= columns) { return; }
  ${lanes.map((t) => `var x${t} = ${base(`min(first + ${t}, rows - 1)`)};`).join("\n  ")}
  ${lanes.map((t) => `var sum${t} = vec4<f32>();`).join("\n  ")}
  for (var k = 0; k < inner; k++) {
    let weights = vec4<f32>(w[panel * inner + k]);
    ${lanes.map((t) => `sum${t} += f32(x[x${t}]) * weights; x${t} += ${stride};`).join("\n    ")}
  }
  var sums = array<vec4<f32>, ${tile}>(${lanes.map((t) => `sum${t}`).join(", ")});
  for (var j = 0; j < min(${tile}, columns - column0); j++) {
    let column = column0 + j;
    for (var t = 0; t < min(${tile}, rows - first); t++) {
      let row = first + t;
      let v = sums[t][j]${biased ? " + f32(bias[column])" : ""};
      y[${y}] = ${type}(${activated("v", activation)});
    }
  }`;
  const buffers: BufferRef[] = [{ operand: 0 }, { operand: 1 }, ...(biased ? [{ operand: 2 }] : []), { result: 0 }];
  return {
    key: `${form} packed ${type} ${biased} ${String(activation)}`,
    code: shader({ bindings, params, size, body }),
    buffers,
    launch: (call) =>
      launchTiles(form, call, tile, tile, (s) => elementCount(operand(call, 1).shape) === Math.ceil(s.columns / tile) * tile * s.inner),
  };
}

function launchTiles(form: Form, call: StepShapes, rowTile: number, columnTile: number, fits: (sizes: Sizes) => boolean): Launch | null {
  const s = sizes(form, call);
  activationCode(call);
  demand(call, fits(s), "the weight has another size");
  if (s.batch * s.rows * s.columns === 0) return null;
  const [across, down] = [Math.ceil(s.columns / columnTile / 8), Math.ceil(s.rows / rowTile / 8)];
  const grid = form === "linear" ? ([across, down, s.batch] as const) : ([down, across, s.batch] as const);
  demand(call, fitsGrid(grid), "more workgroups than a dispatch may have");
  return { uniform: params.pack({ ...s }), grid };
}

/** Operands: codes, scale, zero (affine) or table, codes (codebook). */
type Stored = "affine" | "codebook";

/** How many operands the weight takes. */
const leafCount = { affine: 3, codebook: 2 } as const;

const inPlaceParams = new Params("batch", "rows", "columns", "inner", "axis", "block");

/** Scales of a [columns, inner] weight: one, one per column, or one per block of the inner axis. */
function inPlaceProgram(form: Form, stored: Stored, step: StepTypes): Program {
  const type = floatType(step.results[0]?.dtype ?? "f32");
  const at = 1 + leafCount[stored];
  const biased = step.operands[at] !== null && step.operands[at] !== undefined;
  const codes = step.operands[stored === "affine" ? 1 : 2]?.dtype ?? "u8";
  const centred = stored === "affine" && step.operands[3] !== null && step.operands[3] !== undefined;
  const { activation = "none" } = step.attrs;
  const bindings: Binding[] = [
    { name: "x", of: type },
    ...(stored === "affine"
      ? [
          { name: "codes", of: "u32" },
          { name: "scale", of: "f32" },
        ]
      : [
          { name: "table", of: "f32" },
          { name: "codes", of: "u32" },
        ]),
    ...(centred ? [{ name: "zeros", of: "u32" }] : []),
    ...(biased ? [{ name: "bias", of: type }] : []),
    { name: "y", of: type, write: true },
  ];
  const weight =
    stored === "affine"
      ? `let s = select(select(0, column, axis == 0), column * (inner / max(block, 1)) + k / max(block, 1), axis == 1);
    let weight = f32(code(column * inner + k)${centred ? " - zero(s)" : ""}) * scale[s];`
      : "let weight = table[code(column * inner + k)];";
  const { step: stride, base, y } = index[form];
  const lanes = Array.from({ length: tile }, (_, t) => t);
  const body = `
  let n = i32(id.z);
  let first = i32(id.${form === "linear" ? "y" : "x"}) * ${tile};
  let column = i32(id.${form === "linear" ? "x" : "y"});
  if (first >= rows || column >= columns) { return; }
  ${lanes.map((t) => `var x${t} = ${base(`min(first + ${t}, rows - 1)`)};`).join("\n  ")}
  var sums = vec4<f32>();
  for (var k = 0; k < inner; k++) {
    ${weight}
    sums += vec4<f32>(${lanes.map((t) => `f32(x[x${t}])`).join(", ")}) * weight;
    ${lanes.map((t) => `x${t} += ${stride};`).join(" ")}
  }
  for (var t = 0; t < min(${tile}, rows - first); t++) {
    let row = first + t;
    let v = sums[t]${biased ? " + f32(bias[column])" : ""};
    y[${y}] = ${type}(${activated("v", activation)});
  }`;
  const functions = [codeReader("code", "codes", codes), centred ? codeReader("zero", "zeros", codes) : ""].join("\n");
  const leaves = Array.from({ length: leafCount[stored] - (stored === "affine" && !centred ? 1 : 0) }, (_, i) => ({ operand: 1 + i }));
  return {
    key: `${form} ${stored} ${codes} ${centred} ${type} ${biased} ${String(activation)}`,
    code: shader({ bindings, params: inPlaceParams, size, functions, body }),
    buffers: [{ operand: 0 }, ...leaves, ...(biased ? [{ operand: at }] : []), { result: 0 }],
    launch(call) {
      const tiles = launchTiles(
        form,
        call,
        tile,
        1,
        (s) => elementCount(operand(call, stored === "affine" ? 1 : 2).shape) === s.columns * s.inner,
      );
      const s = sizes(form, call);
      return (
        tiles && {
          ...tiles,
          uniform: inPlaceParams.pack({ ...s, ...(stored === "affine" ? scaleLayout(call, s) : { axis: -1, block: 0 }) }),
        }
      );
    },
  };
}

function scaleLayout(call: StepShapes, { columns, inner }: Sizes): { readonly axis: number; readonly block: number } {
  const count = elementCount(operand(call, 2, "f32").shape);
  const [axis, block] = [intAttr(call, "weight_axis", -1), intAttr(call, "weight_block", 0)];
  if (count === 1) return { axis: -1, block: 0 };
  const perColumn = axis === 0 && block === 0 && count === columns;
  const perBlock = axis === 1 && block > 0 && inner % block === 0 && count === columns * (inner / block);
  demand(call, perColumn || perBlock, `${count} scales along axis ${axis} in blocks of ${block} are not read in place`);
  return { axis, block };
}

const packParams = new Params("count", "columns", "inner", "columnStep", "innerStep");

/** [columns, inner] (`nn.linear`) or [inner, columns] (`nn.matmul`) to [columns / 4][inner][4], zeros beyond the last column. */
function packKernel(id: string, transposed: boolean): WebGpuKernel {
  return {
    id,
    programs(step) {
      const type = floatType(step.results[0]?.dtype ?? "f32");
      const code = shader({
        bindings: [
          { name: "w", of: type },
          { name: "y", of: type, write: true },
        ],
        params: packParams,
        body: `${eachIndex}
  let k = i / 4 % inner;
  let column = i / 4 / inner * 4 + i % 4;
  let at = select(0, column * columnStep + k * innerStep, column < columns);
  y[i] = select(${type}(0.0), w[at], column < columns);`,
      });
      return [
        {
          key: `pack ${type}`,
          code,
          buffers: [{ operand: 0 }, { result: 0 }],
          launch(call) {
            const [w, y] = [operand(call, 0), result(call)];
            const rows = w.shape[0] ?? 1;
            const rest = elementCount(w.shape.slice(1));
            const [columns, inner] = transposed ? [rest, rows] : [rows, rest];
            const count = Math.ceil(columns / tile) * tile * inner;
            demand(call, elementCount(y.shape) === count, "the packed weight has another size");
            const steps = transposed ? { columnStep: 1, innerStep: columns } : { columnStep: inner, innerStep: 1 };
            return count === 0 ? null : { uniform: packParams.pack({ count, columns, inner, ...steps }), grid: gridFor(count) };
          },
        },
      ];
    },
  };
}

export const productKernels: readonly WebGpuKernel[] = [
  { id: "linear", programs: (step) => [packedProgram("linear", step)], work: (call) => work("linear", call) },
  { id: "pointwise", programs: (step) => [packedProgram("pointwise", step)], work: (call) => work("pointwise", call) },
  { id: "linear_affine", programs: (step) => [inPlaceProgram("linear", "affine", step)], work: (call) => work("linear", call) },
  { id: "linear_codebook", programs: (step) => [inPlaceProgram("linear", "codebook", step)], work: (call) => work("linear", call) },
  { id: "pointwise_affine", programs: (step) => [inPlaceProgram("pointwise", "affine", step)], work: (call) => work("pointwise", call) },
  {
    id: "pointwise_codebook",
    programs: (step) => [inPlaceProgram("pointwise", "codebook", step)],
    work: (call) => work("pointwise", call),
  },
  packKernel("pack_columns", false),
  packKernel("pack_rows", true),
];
