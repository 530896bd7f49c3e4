/**
 * @file quant.fake's gradients are not derivatives of its value (that is a staircase), so central differences cannot check them. Here they are compared with the
 * straight-through and LSQ formulas (Esser et al., 2020), worked element by element.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AttrInput,
  dataConstant,
  emptyFunction,
  emptyModule,
  encodeTensor,
  evaluateConstant,
  evaluateOp,
  type Func,
  type HostTensor,
  hostTensor,
  type Module,
  ModuleEditor,
  OpRegistry,
  tensorType,
  toNumbers,
  writeAttrs,
} from "../../ir-spec/index.ts";
import { coreOps } from "../../ir-spec/ops/core.ts";
import { seeded } from "../support/seeded.ts";

const registry = new OpRegistry([{ owner: "core", ops: coreOps }]);
const def = registry.require("quant.fake");

/** dx and dscale for the given dy, by the op's `gradient`. */
function gradients(x: HostTensor, scale: HostTensor, zero: HostTensor | null, dy: HostTensor, attrs: AttrInput): readonly number[][] {
  const inputs = [x, scale, dy];
  const func = emptyFunction(
    "main",
    ["x", "scale", "dy"].map((name, i) => ({ name, type: typeOf(inputs[i] ?? x) })),
  );
  const constants = new Map(zero ? [["zero", dataConstant("zero", typeOf(zero), encodeTensor(zero))] as const] : []);
  const editor = new ModuleEditor({ ...emptyModule("m"), constants, functions: new Map([["main", func]]) }, registry);
  const body = editor.function();
  const operands = [0, 1, zero ? "zero" : null];
  const results = body.emit("quant.fake", operands, attrs);
  const values = registry.attrs(def, writeAttrs(def.attrs, attrs));
  const grads = def.gradient?.({ builder: body, operands, results, grads: [2], attrs: values, wanted: [true, true, false] }) ?? [];
  body.setResults(["dx", "dscale"].map((name, i) => ({ name, operand: grads[i] ?? 0 })));
  const module = editor.freeze();
  const main = module.functions.get("main");
  if (!main) throw new Error("no @main");
  return run(module, main, inputs).map(toNumbers);
}

const typeOf = (t: HostTensor) => tensorType(t.dtype, t.shape);

function run(module: Module, func: Func, inputs: readonly HostTensor[]): readonly HostTensor[] {
  const values = new Map<number | string | null, HostTensor>(func.params.map((id, i) => [id, inputs[i] as HostTensor]));
  const tensorOf = (operand: number | string | null): HostTensor | null => {
    if (operand === null) return null;
    return values.get(operand) ?? evaluateConstant(module, registry, String(operand));
  };
  for (const op of func.ops) {
    evaluateOp(registry, op.name, op.operands.map(tensorOf), op.attrs).forEach((result, i) => {
      values.set(op.results[i] as number, result);
    });
  }
  return func.returns.map((operand) => tensorOf(operand) as HostTensor);
}

/** Which scale each element uses, and the formulas. */
function expected(
  x: HostTensor,
  scale: HostTensor,
  zero: HostTensor | null,
  dy: HostTensor,
  [least, most]: readonly [number, number],
  scaleOf: (i: number) => number,
): readonly number[][] {
  const dscale = new Array<number>(scale.data.length).fill(0);
  const dx = toNumbers(x).map((value, i) => {
    const s = scaleOf(i);
    const v = value / Number(scale.data[s]);
    const [low, high] = [least - Number(zero?.data[s] ?? 0), most - Number(zero?.data[s] ?? 0)];
    const nearest = Math.abs(v - Math.trunc(v)) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v);
    const slope = v < low ? low : v > high ? high : nearest - v;
    dscale[s] = (dscale[s] as number) + Number(dy.data[i]) * slope;
    return v < low || v > high ? 0 : Number(dy.data[i]);
  });
  return [dx, dscale];
}

function close(got: readonly number[], want: readonly number[], what: string): void {
  assert.is(got.length, want.length, what);
  got.forEach((v, i) => {
    assert.ok(Math.abs(v - (want[i] as number)) < 1e-9, `${what}: element ${i} is ${v}, expected ${want[i]}`);
  });
}

const random = seeded(21);
const positive = (shape: readonly number[]): HostTensor => {
  const t = random.tensor("f64", shape);
  return hostTensor(
    "f64",
    shape,
    Float64Array.from(toNumbers(t), (v) => 0.02 + Math.abs(v) / 20),
  );
};

test("per tensor, i4 without zero point: inside, below and above the range", () => {
  const [x, scale, dy] = [random.tensor("f64", [5, 8]), positive([]), random.tensor("f64", [5, 8])];
  const got = gradients(x, scale, null, dy, { to: "i4" });
  const want = expected(x, scale, null, dy, [-8, 7], () => 0);
  close(got[0] ?? [], want[0] ?? [], "dx");
  close(got[1] ?? [], want[1] ?? [], "dscale");
  const zeros = want[0]?.filter((v) => v === 0).length ?? 0;
  assert.ok(zeros > 3 && zeros < 37, `${zeros} of 40 elements saturate`);
});

test("per axis, u4 with zero points", () => {
  const [x, scale, dy] = [random.tensor("f64", [3, 4, 2]), positive([4]), random.tensor("f64", [3, 4, 2])];
  const zero = random.tensor("u4", [4]);
  const got = gradients(x, scale, zero, dy, { to: "u4", axis: 1 });
  const want = expected(x, scale, zero, dy, [0, 15], (i) => Math.floor(i / 2) % 4);
  close(got[0] ?? [], want[0] ?? [], "dx");
  close(got[1] ?? [], want[1] ?? [], "dscale");
});

test("blocked with a short last block, i4 with zero points", () => {
  const [x, scale, dy] = [random.tensor("f64", [3, 10]), positive([3, 3]), random.tensor("f64", [3, 10])];
  const zero = random.tensor("i4", [3, 3]);
  const got = gradients(x, scale, zero, dy, { to: "i4", axis: 1, block: 4 });
  const want = expected(x, scale, zero, dy, [-8, 7], (i) => Math.floor(i / 10) * 3 + Math.floor((i % 10) / 4));
  close(got[0] ?? [], want[0] ?? [], "dx");
  close(got[1] ?? [], want[1] ?? [], "dscale");
});

test.run();
