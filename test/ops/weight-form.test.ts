/**
 * @file Weight forms: random definition trees mean what their form says (a second evaluator, written from the form's definition, gives the same bits), orders that
 * mean one weight share a key, and what does not normalise says why.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AttrInput,
  type Constant,
  countOf,
  dataConstant,
  derivedConstant,
  describeForm,
  emptyModule,
  encodeTensor,
  evaluateConstant,
  evaluateOp,
  type FormAffine,
  formKey,
  formStatistics,
  type HostTensor,
  hostTensor,
  inferOp,
  type Module,
  type NormalForm,
  OpRegistry,
  staticShape,
  tensorType,
  toNumbers,
  weightForm,
  writeAttrs,
} from "../../ir-spec/index.ts";
import { coreOps } from "../../ir-spec/ops/core.ts";
import { type Seeded, seeded } from "../support/seeded.ts";

const registry = new OpRegistry([{ owner: "core", ops: coreOps }]);

/** A module of constants only, built line by line. */
class Definitions {
  private readonly constants = new Map<string, Constant>();

  data(name: string, tensor: HostTensor): string {
    this.constants.set(name, dataConstant(name, tensorType(tensor.dtype, tensor.shape), encodeTensor(tensor)));
    return name;
  }

  f32(name: string, shape: readonly number[], values: readonly number[]): string {
    return this.data(name, hostTensor("f32", shape, Float32Array.from(values)));
  }

  derive(name: string, op: string, operands: readonly (string | null)[], attrs: AttrInput = {}): string {
    const stored = writeAttrs(registry.require(op).attrs, attrs);
    const types = operands.map((operand) => (operand === null ? null : this.typeOf(operand)));
    const [type] = inferOp(registry, registry.require(op), { types, attrs: stored }).types;
    if (!type) throw new Error(`${op} has no result`);
    this.constants.set(name, derivedConstant(name, type, op, operands, stored));
    return name;
  }

  typeOf(name: string) {
    const constant = this.constants.get(name);
    if (!constant) throw new Error(`no constant ${name}`);
    return constant.type;
  }

  shapeOf(name: string): readonly number[] {
    return staticShape(this.typeOf(name).shape) ?? [];
  }

  module(): Module {
    return { ...emptyModule("m"), constants: this.constants };
  }
}

/** The weight that a form describes: lookup, scale (of values), expand, scale (of the core), permute, reshape. */
function evaluateForm(module: Module, form: NormalForm): HostTensor {
  const leaf = toNumbers(evaluateConstant(module, registry, form.leaf));
  const table = form.codebook ? toNumbers(evaluateConstant(module, registry, form.codebook.table)) : null;
  let core = table ? leaf.map((code) => table[code] as number) : leaf;
  const { affine, sparsity } = form;
  const early = affine !== null && (affine.over === "values" || affine.axis === null);
  if (affine && early) core = applyAffine(module, affine, core, [core.length]);
  if (sparsity) {
    const values = hostTensor("f64", [core.length], Float64Array.from(core));
    const { index: _, ...format } = sparsity;
    const stored = writeAttrs(registry.require("sparse.expand").attrs, { ...format, shape: form.coreShape });
    const [dense] = evaluateOp(registry, "sparse.expand", [values, evaluateConstant(module, registry, sparsity.index)], stored);
    core = dense ? toNumbers(dense) : [];
  }
  if (affine && !early) core = applyAffine(module, affine, core, form.coreShape);
  const permuted = form.permutation ? permute(core, form.coreShape, form.permutation) : core;
  return hostTensor("f32", form.shape, Float32Array.from(permuted));
}

function applyAffine(module: Module, affine: FormAffine, values: readonly number[], shape: readonly number[]): number[] {
  const scale = toNumbers(evaluateConstant(module, registry, affine.scale));
  const zero = affine.zero ? toNumbers(evaluateConstant(module, registry, affine.zero)) : null;
  const axis = affine.axis ?? 0;
  const [size, inner] = [shape[axis] ?? 1, countOf(shape.slice(axis + 1))];
  return values.map((v, i) => {
    const at = Math.floor(i / inner) % size;
    const blocks = Math.ceil(size / Math.max(1, affine.block));
    const outer = Math.floor(i / (inner * size));
    const blocked = (outer * blocks + Math.floor(at / Math.max(1, affine.block))) * inner + (i % inner);
    const s = affine.axis === null ? 0 : affine.block > 0 ? blocked : at;
    return Math.fround((v - (zero?.[s] ?? 0)) * (scale[s] as number));
  });
}

function permute(values: readonly number[], shape: readonly number[], permutation: readonly number[]): number[] {
  const strides = shape.map((_, i) => countOf(shape.slice(i + 1)));
  const to = permutation.map((axis) => shape[axis] as number);
  return values.map((_, i) => {
    let from = 0;
    permutation.forEach((axis, j) => {
      from += (Math.floor(i / countOf(to.slice(j + 1))) % (to[j] as number)) * (strides[axis] as number);
    });
    return values[from] as number;
  });
}

/** Applies random ops that fit to a random leaf, as passes might in any order; the name of the last constant. */
function randomTree(random: Seeded, defs: Definitions): string {
  const dtype = random.pick(["f32", "f16", "i8", "u4", "u2"] as const);
  const shape = random.pick([[12], [24], [4, 6], [2, 12], [2, 3, 4]]);
  let name = defs.data("leaf", random.tensor(dtype, shape));
  for (let i = 0, steps = random.int(1, 6); i < steps; i++) name = randomStep(random, defs, name, `c${i}`) ?? name;
  const last = defs.typeOf(name).dtype;
  if (last === "f32") return name;
  return last.startsWith("u") ? lookup(random, defs, name, "last") : defs.derive("last", "type.cast", [name], { to: "f32" });
}

type StepMaker = (random: Seeded, defs: Definitions, of: string, name: string) => string | null;

const steps = {
  transpose: (random, defs, of, name) => defs.derive(name, "shape.transpose", [of], { perm: shuffled(random, defs.shapeOf(of).length) }),
  reshape: (random, defs, of, name) => defs.derive(name, "shape.reshape", [of], { shape: random.pick(reshapes(defs.shapeOf(of))) }),
  expand: (random, defs, of, name) => (defs.shapeOf(of).length === 1 ? expand(random, defs, of, name) : null),
  cast: (_, defs, of, name) => defs.derive(name, "type.cast", [of], { to: "f32" }),
  dequantize,
  lookup,
  mul,
} satisfies Record<string, StepMaker>;

function randomStep(random: Seeded, defs: Definitions, of: string, name: string): string | null {
  const { dtype } = defs.typeOf(of);
  const own: readonly (keyof typeof steps)[] =
    dtype === "i8" ? ["dequantize", "cast"] : dtype.startsWith("u") ? ["lookup"] : ["mul", "cast"];
  const maker: StepMaker = steps[random.pick([...own, "transpose", "reshape", "reshape", "expand"] as const)];
  return maker(random, defs, of, name);
}

/** A scalar factor, or one per index of an axis, on either side. */
function mul(random: Seeded, defs: Definitions, of: string, name: string): string {
  const sizes = defs.shapeOf(of);
  const axis = random.int(-1, sizes.length - 1);
  const factor = axis < 0 ? [] : sizes.slice(axis).map((size, i) => (i === 0 ? size : 1));
  const scale = defs.data(`${name}.factor`, random.tensor(defs.typeOf(of).dtype, factor));
  return defs.derive(name, "math.mul", random.unit() < 0.5 ? [of, scale] : [scale, of]);
}

function shuffled(random: Seeded, rank: number): number[] {
  const left = Array.from({ length: rank }, (_, i) => i);
  return Array.from({ length: rank }, (_, i) => left.splice(random.int(0, rank - 1 - i), 1)[0] as number);
}

/** The same elements in one to three axes. */
function reshapes(shape: readonly number[]): readonly (readonly number[])[] {
  const count = countOf(shape);
  const divisors = Array.from({ length: count }, (_, i) => i + 1).filter((d) => count % d === 0);
  return [
    [count],
    ...divisors.map((d) => [d, count / d]),
    ...divisors.filter((d) => (count / d) % 2 === 0).map((d) => [d, 2, count / d / 2]),
  ];
}

function expand(random: Seeded, defs: Definitions, of: string, name: string): string {
  const [stored = 0] = defs.shapeOf(of);
  if (random.unit() < 0.5) {
    const total = stored * 2;
    const order = shuffled(random, total).slice(0, stored);
    const bits = Uint8Array.from({ length: total }, (_, i) => (order.includes(i) ? 1 : 0));
    const index = defs.data(`${name}.index`, hostTensor("u1", [total], bits));
    return defs.derive(name, "sparse.expand", [of, index], { shape: random.pick([[total], [2, total / 2], [total / 2, 2]]) });
  }
  // 1 of 4: any positions are in order. 4 n elements for n values.
  const index = defs.data(`${name}.index`, random.tensor("u2", [stored]));
  const shape = random.pick([[4 * stored], [2, 2 * stored], [4, stored]]);
  const axis = shape.length === 1 ? 0 : shape[0] === 4 ? random.int(0, stored % 4 === 0 ? 1 : 0) : 1;
  return defs.derive(name, "sparse.expand", [of, index], { shape, format: "nm", n: 1, m: 4, axis });
}

function dequantize(random: Seeded, defs: Definitions, of: string, name: string): string {
  const sizes = defs.shapeOf(of);
  const axis = random.int(0, sizes.length - 1);
  const block = random.pick([0, 0, 2, 5]);
  const blocked = sizes.map((size, i) => (i === axis ? Math.ceil(size / block) : size));
  const shape = block > 0 ? blocked : random.pick([[], [sizes[axis] as number]]);
  const scale = defs.data(`${name}.scale`, random.tensor("f32", shape));
  const zeros = random.pick([null, hostTensor("i8", shape), random.tensor("i8", shape)]);
  const zero = zeros ? defs.data(`${name}.zero`, zeros) : null;
  return defs.derive(name, "quant.dequantize", [of, scale, zero], { axis, block });
}

function lookup(random: Seeded, defs: Definitions, of: string, name: string): string {
  const entries = defs.typeOf(of).dtype === "u2" ? 4 : 16;
  if (random.unit() < 0.5) {
    const values = toNumbers(random.tensor("f32", [entries])).map((v, i) => (i === 0 && random.unit() < 0.5 ? 0 : v));
    return defs.derive(name, "codebook.lookup", [defs.f32(`${name}.table`, [entries], values), of]);
  }
  const codes = defs.data(`${name}.table.q`, random.tensor("i8", [entries]));
  if (random.unit() < 0.3) return defs.derive(name, "codebook.lookup", [codes, of]);
  const table = defs.derive(`${name}.table`, "quant.dequantize", [codes, defs.f32(`${name}.table.s`, [], [0.125]), null]);
  return defs.derive(name, "codebook.lookup", [table, of]);
}

test("random definition trees: the form evaluates to the very weight", () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < 3000; seed++) {
    const random = seeded(seed);
    const defs = new Definitions();
    const name = randomTree(random, defs);
    const module = defs.module();
    const form = weightForm(module, name);
    const kind = form.kind === "opaque" ? "opaque" : describeForm(form).replace(/\d+/g, "#");
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    if (form.kind === "opaque" || form.type.dtype !== "f32") continue;
    const [expected, got] = [evaluateConstant(module, registry, name), evaluateForm(module, form)];
    assert.equal(got.shape, expected.shape);
    // A structural zero may be +0 where a product with it is -0.
    const same = toNumbers(expected).every((v, i) => v === toNumbers(got)[i]);
    assert.ok(same, `seed ${seed}: ${describeForm(form)}: ${formKey(form)}`);
  }
  const normal = 3000 - (seen.get("opaque") ?? 0);
  assert.ok(normal > 1000, `${normal} of 3000 normalised`);
  assert.ok(seen.size > 40, `${seen.size} kinds of form`);
});

/** Leaves that the order tests share. */
function leaves(): Definitions {
  const defs = new Definitions();
  defs.f32("t", [4], [0, 1.5, -2, 3]);
  defs.data("tq", hostTensor("i8", [4], Int8Array.of(0, 3, -4, 6)));
  defs.data("codes", hostTensor("u2", [4], Uint8Array.of(1, 3, 2, 1)));
  defs.data("q", hostTensor("i8", [4], Int8Array.of(1, -3, 2, 7)));
  defs.data("mask", hostTensor("u1", [8], Uint8Array.of(0, 1, 1, 0, 0, 0, 1, 1)));
  defs.data("full", hostTensor("i8", [2, 3], Int8Array.of(1, 2, 3, 4, 5, 6)));
  defs.f32("s", [], [0.5]);
  defs.f32("s2", [2], [0.5, 4]);
  defs.data("z0", hostTensor("i8", [], Int8Array.of(0)));
  defs.data("z1", hostTensor("i8", [], Int8Array.of(1)));
  return defs;
}

const shape = [2, 4];

/** Builds both trees, and demands one key, one text and one value. */
function sameForm(text: string, first: (defs: Definitions) => string, second: (defs: Definitions) => string): void {
  const defs = leaves();
  const names = [first(defs), second(defs)] as const;
  const module = defs.module();
  const [a, b] = [weightForm(module, names[0]), weightForm(module, names[1])];
  assert.is(formKey(a), formKey(b));
  assert.is(a.kind, "form");
  assert.is(describeForm(a), text);
  assert.equal(toNumbers(evaluateConstant(module, registry, names[0])), toNumbers(evaluateConstant(module, registry, names[1])));
}

test("prune then share, share then prune: one form", () => {
  sameForm(
    "mask ∘ codebook4(u2)",
    (defs) => defs.derive("a", "sparse.expand", [defs.derive("a.v", "codebook.lookup", ["t", "codes"]), "mask"], { shape }),
    (defs) => defs.derive("b", "codebook.lookup", ["t", defs.derive("b.c", "sparse.expand", ["codes", "mask"], { shape })]),
  );
});

test("prune then quantize, quantize then prune; a zero point of zeros is none: one form", () => {
  sameForm(
    "mask ∘ int8/tensor",
    (defs) => defs.derive("a", "sparse.expand", [defs.derive("a.v", "quant.dequantize", ["q", "s", null]), "mask"], { shape }),
    (defs) => defs.derive("b", "quant.dequantize", [defs.derive("b.q", "sparse.expand", ["q", "mask"], { shape }), "s", "z0"]),
  );
});

test("a transpose above or below a scale: one form", () => {
  sameForm(
    "transpose(1,0) ∘ int8/channel",
    (defs) => defs.derive("a", "shape.transpose", [defs.derive("a.d", "quant.dequantize", ["full", "s2", null])], { perm: [1, 0] }),
    (defs) => {
      const turned = defs.derive("b.t", "shape.transpose", ["full"], { perm: [1, 0] });
      return defs.derive("b", "quant.dequantize", [turned, "s2", null], { axis: 1 });
    },
  );
});

test("a factor and a dequantize without zero point: one form", () => {
  sameForm(
    "int8/channel",
    (defs) => defs.derive("a", "quant.dequantize", ["full", "s2", null]),
    (defs) => {
      const wide = defs.derive("b.f", "type.cast", ["full"], { to: "f32" });
      defs.derive("b.s", "shape.reshape", ["s2"], { shape: [2, 1] });
      return defs.derive("b", "math.mul", [wide, "b.s"]);
    },
  );
});

test("a scaled table and a scaled lookup of integers: one form", () => {
  const build = (defs: Definitions) => {
    const table = defs.derive("a.t", "quant.dequantize", ["tq", "s", null]);
    defs.derive("a", "codebook.lookup", [table, "codes"]);
    defs.derive("b", "quant.dequantize", [defs.derive("b.v", "codebook.lookup", ["tq", "codes"]), "s", null]);
    return defs.module();
  };
  const module = build(leaves());
  const [a, b] = [weightForm(module, "a"), weightForm(module, "b")];
  assert.is(formKey(a), formKey(b));
  assert.is(describeForm(a), "codebook4(u2, table int8/tensor)");
  assert.is(describeForm(b), "scale/tensor ∘ codebook4(u2)");
  assert.equal(toNumbers(evaluateConstant(module, registry, "a")), toNumbers(evaluateConstant(module, registry, "b")));
});

test("transposes that undo each other vanish, those of size-1 axes are reshapes", () => {
  const defs = leaves();
  defs.derive("a", "shape.transpose", [defs.derive("a.1", "shape.transpose", ["full"], { perm: [1, 0] })], { perm: [1, 0] });
  defs.derive("b", "shape.transpose", [defs.derive("b.1", "shape.reshape", ["full"], { shape: [1, 6] })], { perm: [1, 0] });
  const module = defs.module();
  const [a, b] = [weightForm(module, "a"), weightForm(module, "b")];
  assert.ok(a.kind === "form" && a.permutation === null && a.leaf === "full");
  assert.ok(b.kind === "form" && b.permutation === null);
  if (b.kind === "form") assert.equal(b.coreShape, [6, 1]);
});

test("different weights have different keys", () => {
  const defs = leaves();
  const names = [
    defs.derive("a", "quant.dequantize", ["full", "s", null]),
    defs.derive("b", "quant.dequantize", ["full", "s", "z1"]),
    defs.derive("c", "quant.dequantize", ["full", "s2", null]),
    defs.derive("d", "shape.transpose", ["a"], { perm: [1, 0] }),
    defs.derive("e", "shape.reshape", ["a"], { shape: [3, 2] }),
  ];
  const module = defs.module();
  const keys = names.map((name) => formKey(weightForm(module, name)));
  assert.is(new Set(keys).size, names.length, keys.join("\n"));
});

test("describeForm: the texts of reports", () => {
  const defs = new Definitions();
  const random = seeded(5);
  const texts: [string, string][] = [
    [defs.data("f", random.tensor("f32", [4, 64])), "dense f32"],
    [defs.data("h", random.tensor("f16", [4, 64])), "dense f16"],
  ];
  defs.data("q4", random.tensor("i4", [4, 64]));
  texts.push([
    defs.derive("g", "quant.dequantize", ["q4", defs.f32("g.s", [4, 2], [1, 2, 3, 4, 5, 6, 7, 8]), null], { axis: 1, block: 32 }),
    "int4/32",
  ]);
  defs.data("q8", random.tensor("u8", [4, 64]));
  defs.data("z8", random.tensor("u8", [4]));
  texts.push([defs.derive("u", "quant.dequantize", ["q8", defs.f32("u.s", [4], [1, 2, 3, 4]), "z8"]), "uint8/channel+zero"]);
  defs.data("v4", random.tensor("i4", [64]));
  defs.derive("v", "quant.dequantize", ["v4", defs.f32("v.s", [2], [1, 2]), null], { axis: 0, block: 32 });
  defs.data("places", random.tensor("u2", [64]));
  const sparse = { shape: [4, 64], format: "nm", n: 1, m: 4, axis: 1 };
  texts.push([defs.derive("n", "sparse.expand", ["v", "places"], sparse), "1:4 ∘ int4/32 of values"]);
  texts.push([defs.derive("m", "math.mul", ["f", defs.f32("m.s", [4, 1], [1, 2, 3, 4])]), "scale/channel ∘ f32"]);
  const module = defs.module();
  for (const [name, text] of texts) assert.is(describeForm(weightForm(module, name)), text);
});

test("what does not normalise says why", () => {
  const defs = leaves();
  const reason = (name: string): string => {
    const form = weightForm(defs.module(), name);
    return form.kind === "opaque" ? form.reason : "normal";
  };
  defs.derive("a.q", "sparse.expand", ["q", "mask"], { shape });
  assert.match(reason(defs.derive("a", "quant.dequantize", ["a.q", "s", "z1"])), "zero point @z1 moves the structural zeros");
  defs.f32("t1", [4], [1, 2, 3, 4]);
  defs.derive("b.c", "sparse.expand", ["codes", "mask"], { shape });
  assert.match(reason(defs.derive("b", "codebook.lookup", ["t1", "b.c"])), "entry 0 of table @t1 is not known to be 0");
  defs.derive("c.1", "quant.dequantize", ["full", "s2", null]);
  assert.match(reason(defs.derive("c", "math.mul", ["c.1", "s"])), "two scales");
  assert.match(reason(defs.derive("d", "shape.reshape", ["c.1"], { shape: [3, 2] })), "breaks up the axis of the scale");
  assert.match(reason(defs.derive("e", "math.neg", ["t"])), "math.neg is no part of a weight form");
  assert.match(reason(defs.derive("f", "shape.reshape", ["e"], { shape: [2, 2] })), "@e: math.neg is no part");
  assert.match(reason(defs.derive("g", "type.cast", ["t"], { to: "f16" })), "type.cast from f32 to f16 loses values");
  defs.f32("column", [2, 1], [1, 2]);
  defs.f32("row", [1, 3], [1, 2, 3]);
  assert.match(reason(defs.derive("h", "math.mul", ["column", "row"])), "factors that broadcast each other");
  assert.throws(() => weightForm(defs.module(), "nowhere"), /E0204.*no constant @nowhere/);
});

test("formStatistics counts the mask's ones, rows and blocks, and the bytes that are stored", () => {
  const defs = leaves();
  defs.derive("a", "sparse.expand", [defs.derive("a.v", "codebook.lookup", ["t", "codes"]), "mask"], { shape: [4, 2] });
  const module = defs.module();
  const statistics = formStatistics(module, weightForm(module, "a"));
  // mask 01 10 00 11; bytes: 4 f32, 4 u2, 8 u1
  assert.equal(statistics, {
    elements: 8,
    nonZeros: 4,
    storedBytes: 16 + 1 + 1,
    layout: { emptyRows: 1, fullestRow: 2, liveBlocks: 3, blocks: 4 },
  });
  const dense = formStatistics(module, weightForm(module, "full"));
  assert.equal(dense, { elements: 6, nonZeros: 6, storedBytes: 6, layout: null });
});

test.run();
