/** @file What cannot be differentiated is said by code, op and place; ops with only a `decompose` are differentiated through it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { differentiate } from "../../compiler/train/index.ts";
import { defineOp, hostTensor, type OpDef } from "../../ir-spec/index.ts";
import { constantValue, f64, moduleOf, problemOf, registry, registryWith, run, tensorOf } from "./support.ts";

/** `test.cube`, with what a test adds to its record. */
const cube = (more: Partial<OpDef>): OpDef => ({
  ...defineOp({
    name: "test.cube",
    since: 1,
    doc: "x^3",
    operands: [{ name: "x", role: "data", axes: ["..."], dtypes: ["f64"] }],
    results: [{ name: "y", axes: ["..."] }],
    attrs: {},
    infer: (ctx) => [ctx.type(0)],
    reference: (ctx) => {
      const x = ctx.input(0);
      return [
        hostTensor(
          "f64",
          x.shape,
          Float64Array.from(x.data as Float64Array, (v) => v * v * v),
        ),
      ];
    },
    work: () => ({ macs: 0 }),
  }),
  ...more,
});

const body = `
  func @main(%x: tensor<2xf64>) -> (loss: tensor<f64>) {
    %0 = math.mul(%x, @w)
    %cubed = test.cube(%0)
    %loss = reduce.sum(%cubed) {axes = [0]}
    return %loss
  }
  const @w : tensor<2xf64> = [2.0, -1.0]
  const @unused : tensor<f64> = 1.0
  const @codes : tensor<2xi8> = [1, 2]
  const @derived : tensor<2xf64> = math.neg(@w)`;

test("an op without a gradient is named, with its place", () => {
  const ops = registryWith(cube({}));
  const problem = problemOf(() => differentiate(moduleOf(body, ops), ops, { loss: "loss", leaves: ["w"] }));
  assert.is(problem.code, "E0901");
  assert.is(problem.where, "@step, %cubed = test.cube");
  assert.match(problem.message, "test.cube: its record has neither `gradient` nor `decompose`");
});

test("an op that has none by nature says why", () => {
  const ops = registryWith(cube({ noGradient: "cubes are too steep" }));
  const problem = problemOf(() => differentiate(moduleOf(body, ops), ops, { loss: "loss", leaves: ["w"] }));
  assert.is(problem.code, "E0901");
  assert.match(problem.message, "cubes are too steep");
});

test("an op without a gradient beside the path does not matter", () => {
  const ops = registryWith(cube({}));
  const module = moduleOf(
    `
  func @main(%x: tensor<2xf64>) -> (loss: tensor<f64>) {
    %0 = test.cube(%x)
    %1 = math.mul(%0, @w)
    %loss = reduce.sum(%1) {axes = [0]}
    return %loss
  }
  const @w : tensor<2xf64> = [2.0, -1.0]`,
    ops,
  );
  const { module: step } = differentiate(module, ops, { loss: "loss", leaves: ["w"] });
  const outputs = run(step, { x: f64([2], [2, 3]), w: constantValue(module, "w") }, "step", ops);
  assert.equal([...tensorOf(outputs, "grad.w").data], [8, 27]);
});

test("an op with only a decompose is differentiated through it, in rounds", () => {
  const square: OpDef = {
    ...cube({}),
    name: "test.square",
    decompose: ({ builder, operands: [x = null] }) => [builder.one("math.mul", [x, x])],
  };
  const ops = registryWith(
    square,
    cube({ decompose: ({ builder, operands: [x = null] }) => [builder.one("math.mul", [builder.one("test.square", [x]), x])] }),
  );
  const module = moduleOf(body, ops);
  const { module: step } = differentiate(module, ops, { loss: "loss", leaves: ["w"] });
  assert.not.ok(step.functions.get("step")?.ops.some((op) => op.name.startsWith("test.")));
  const outputs = run(step, { x: f64([2], [3, 5]), w: constantValue(module, "w") }, "step", ops);
  assert.equal([...tensorOf(outputs, "loss").data], [6 ** 3 + (-5) ** 3]);
  assert.equal([...tensorOf(outputs, "grad.w").data], [3 * 36 * 3, 3 * 25 * 5]);
});

test("a loss whose own op decomposes", () => {
  const total: OpDef = {
    ...cube({}),
    name: "test.total",
    infer: (ctx) => [{ dtype: ctx.type(0).dtype, shape: [] }],
    reference: (ctx) => [hostTensor("f64", [], Float64Array.of((ctx.input(0).data as Float64Array).reduce((sum, v) => sum + v, 0)))],
    decompose: ({ builder, operands: [x = null] }) => [builder.one("reduce.sum", [x], { axes: [0] })],
  };
  const ops = registryWith(total);
  const module = moduleOf(
    `
  func @main(%x: tensor<2xf64>) -> (loss: tensor<f64>) {
    %0 = math.mul(%x, @w)
    %loss = test.total(%0)
    return %loss
  }
  const @w : tensor<2xf64> = [2.0, -1.0]`,
    ops,
  );
  const { module: step } = differentiate(module, ops, { loss: "loss", leaves: ["w"] });
  const outputs = run(step, { x: f64([2], [2, 3]), w: constantValue(module, "w") }, "step", ops);
  assert.equal([...tensorOf(outputs, "loss").data], [1]);
  assert.equal([...tensorOf(outputs, "grad.w").data], [2, 3]);
});

test("a gradient of another shape than its operand is caught at its op", () => {
  const ops = registryWith(cube({ gradient: ({ builder, grads }) => [builder.one("reduce.sum", [grads[0] ?? null], { axes: [0] })] }));
  const problem = problemOf(() => differentiate(moduleOf(body, ops), ops, { loss: "loss", leaves: ["w"] }));
  assert.is(problem.code, "E0902");
  assert.match(problem.message, "operand 0 is tensor<2xf64>, its gradient tensor<f64>");
  assert.match(problem.where, "test.cube");
});

test("leaves must be float data", () => {
  const ops = registryWith(cube({ gradient: ({ grads }) => [grads[0] ?? null] }));
  const module = moduleOf(body, ops);
  const code = (leaf: string) => problemOf(() => differentiate(module, ops, { loss: "loss", leaves: [leaf] }));
  assert.match(code("nothing").message, "there is no constant @nothing");
  assert.match(code("codes").message, "@codes is tensor<2xi8>, a leaf is a float");
  assert.match(code("derived").message, "@derived is derived by math.neg");
  for (const leaf of ["nothing", "codes", "derived"]) assert.is(code(leaf).code, "E0903");
  assert.is(code("unused").code, "E0905");
});

test("the loss must be a float scalar that the function returns", () => {
  const module = moduleOf(`
  func @main(%x: tensor<2xf64>) -> (y: tensor<2xf64>) {
    %y = math.mul(%x, @w)
    return %y
  }
  const @w : tensor<2xf64> = [2.0, -1.0]`);
  const code = (loss: string) => problemOf(() => differentiate(module, registry, { loss, leaves: ["w"] }));
  assert.is(code("loss").code, "E0904");
  assert.match(code("loss").message, "@main has no result loss; it has y");
  assert.match(code("y").message, "result y is tensor<2xf64>");
  assert.is(problemOf(() => differentiate(module, registry, { function: "f", loss: "y", leaves: [] })).code, "E0906");
});

test("quantized activations must be relaxed first, and the error says so", () => {
  const module = moduleOf(`
  func @main(%x: tensor<2xf64>) -> (loss: tensor<f64>) {
    %0 = math.mul(%x, @w)
    %1 = quant.quantize(%0, @s, @z)
    %2 = quant.dequantize(%1, @s, @z)
    %3 = math.add(%2, %0)
    %loss = reduce.sum(%3) {axes = [0]}
    return %loss
  }
  const @w : tensor<2xf64> = [2.0, -1.0]
  const @s : tensor<f64> = 0.5
  const @z : tensor<i8> = 0`);
  const problem = problemOf(() => differentiate(module, registry, { loss: "loss", leaves: ["w"] }));
  assert.is(problem.code, "E0901");
  assert.match(problem.message, "quant.dequantize reads tensor<2xi8> made by quant.quantize");
  assert.match(problem.hint, "relax");
});

test.run();
