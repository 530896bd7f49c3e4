/** @file The interpreter: inputs against their types, symbols, constants by definition, taps, carried state, stopping. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type InterpretOptions, interpret } from "../../compiler/interpret/interpret.ts";
import { readModule } from "../../compiler/text/index.ts";
import {
  createCoreRegistry,
  defineOp,
  type HostTensor,
  hostTensor,
  type Module,
  type OpRegistry,
  TersorError,
  tensorType,
} from "../../ir-spec/index.ts";
import { f32, i32, u2 } from "../ops/tensors.ts";

const registry = createCoreRegistry();

const moduleOf = (body: string, ops: OpRegistry = registry): Module =>
  readModule(`tersor 1.0\n\nmodule @m {\n${body}\n}\n`, { registry: ops });

const perceptron = moduleOf(`
  func @main(%x: tensor<Nx2xf32>) -> (y: tensor<Nx2xf32>, total: tensor<Nxf32>) {
    %h = nn.linear(%x, @w, @b)
    %r = math.relu(%h)
    %s = reduce.sum(%r) {axes = [1]}
    return %r, %s
  }
  const @w : tensor<2x2xf32> = codebook.lookup(@table, @codes)
    const @table : tensor<3xf32> = [1.0, -1.0, 2.0]
    const @codes : tensor<2x2xu2> = [0, 1, 2, 2]
  const @b : tensor<2xf32> = [0.5, 0.0]`);

function problemOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (!(error instanceof TersorError)) throw error;
    const [problem] = error.problems;
    return [problem?.code, problem?.where, problem?.message, problem?.hint].filter((part) => part !== undefined).join(" | ");
  }
  return "no error";
}

const fault = (module: Module, inputs: Readonly<Record<string, HostTensor>>, options: InterpretOptions = {}) =>
  problemOf(() => interpret(module, registry, inputs, options));

test("a function runs on constants evaluated by their definitions", () => {
  const { outputs, taps } = interpret(perceptron, registry, { x: f32([2, 2], [1, 2, 3, 1]) });
  // w = [[1, -1], [2, 2]]: h = [1 - 2 + 0.5, 2 + 4], [3 - 1 + 0.5, 6 + 2].
  assert.equal(outputs, { y: f32([2, 2], [0, 6, 2.5, 8]), total: f32([2], [6, 10.5]) });
  assert.equal(taps, {});
});

test("taps give values by name, inputs among them", () => {
  const { taps } = interpret(perceptron, registry, { x: f32([1, 2], [1, 2]) }, { taps: ["h", "x"] });
  assert.equal(taps, { x: f32([1, 2], [1, 2]), h: f32([1, 2], [-0.5, 6]) });
  assert.is(fault(perceptron, { x: f32([1, 2], [1, 2]) }, { taps: ["g"] }), "E0517 | @main | there is no value %g to tap");
});

test("inputs are checked against their types", () => {
  assert.is(fault(perceptron, {}), 'E0510 | @main | input "x" is missing; its type is tensor<Nx2xf32>');
  assert.is(fault(perceptron, { y: f32([1, 2], [1, 2]) }), 'E0511 | @main | there is no input "y"; the inputs are x | did you mean "x"?');
  assert.is(fault(perceptron, { x: i32([1, 2], [1, 2]) }), 'E0512 | @main | input "x" is i32; its type is tensor<Nx2xf32>');
  assert.is(fault(perceptron, { x: f32([2], [1, 2]) }), 'E0513 | @main | input "x" has shape [2], rank 1; its type is tensor<Nx2xf32>');
  const short = { dtype: "f32", shape: [2, 2], data: new Float32Array(3) } as const;
  assert.is(fault(perceptron, { x: short }), 'E0513 | @main | input "x" has shape [2, 2] and 3 elements, which should be 4');
  assert.is(
    fault(perceptron, { x: f32([1, 3], [1, 2, 3]) }),
    'E0514 | @main | input "x": axis 1 has size 3; its type tensor<Nx2xf32> takes 2',
  );
});

test("a symbol has one size, and expressions and requires follow it", () => {
  const module = moduleOf(`
  func @main(%x: tensor<Nx2xf32>, %y: tensor<Nxf32>, %z: tensor<[2 * N]xf32>) -> (x: tensor<Nx2xf32>) require [N % 2] == 0 {
    return %x
  }`);
  const of = (x: number, y: number, z: number) => ({
    x: f32([x, 2], new Array(2 * x).fill(0)),
    y: f32([y], new Array(y).fill(0)),
    z: f32([z], new Array(z).fill(0)),
  });
  assert.is(fault(module, of(2, 2, 4)), "no error");
  assert.is(fault(module, of(2, 3, 4)), 'E0514 | @main | input "y": axis 0 has size 3; its type tensor<Nxf32> takes N, here 2');
  assert.is(fault(module, of(2, 2, 5)), 'E0514 | @main | input "z": axis 0 has size 5; its type tensor<[2 * N]xf32> takes [2 * N], here 4');
  assert.is(fault(module, of(3, 3, 6)), "E0515 | @main | the function requires N % 2 == 0, which is 1 == 0 with N = 3");
});

test("a requirement that inference added stops a run, which broadcasting would let pass", () => {
  const module = moduleOf(`
  func @main(%x: tensor<Nxf32>, %y: tensor<Mxf32>) -> (z: tensor<Mxf32>) require [N] == [M] {
    %z = math.add(%x, %y)
    return %z
  }`);
  assert.match(fault(module, { x: f32([1], [1]), y: f32([2], [1, 2]) }), "E0515 | @main | the function requires N == M, which is 1 == 2");
});

test("symbolic attributes are bound", () => {
  const module = moduleOf(`
  func @main(%x: tensor<Nx2xf32>) -> (y: tensor<2x[2 * N]xf32>) {
    %f = shape.reshape(%x) {shape = [dim[2 * N]]}
    %y = shape.broadcast(%f) {shape = [2, dim[2 * N]]}
    return %y
  }`);
  assert.equal(interpret(module, registry, { x: f32([1, 2], [1, 2]) }).outputs.y, f32([2, 2], [1, 2, 1, 2]));
  assert.equal(interpret(module, registry, { x: f32([2, 2], [1, 2, 3, 4]) }).outputs.y, f32([2, 4], [1, 2, 3, 4, 1, 2, 3, 4]));
});

/** The first elements, as many as the second operand says: an op with a data-dependent size. */
const take = defineOp({
  name: "test.take",
  since: 1,
  doc: "The first `count` elements.",
  operands: [
    { name: "x", role: "data", axes: ["in"], dtypes: ["f32"] },
    { name: "count", role: "index", axes: [], dtypes: ["i32"] },
  ],
  results: [{ name: "y", axes: ["out"] }],
  attrs: {},
  infer(ctx) {
    const count = ctx.known(1)?.[0];
    return count === undefined ? (ctx.declared ?? ctx.fail("its type must be written")) : [tensorType("f32", [count])];
  },
  reference: ({ input }) => [hostTensor("f32", [Number(input(1).data[0])], input(0).data.slice(0, Number(input(1).data[0])))],
  work: () => ({ macs: 0 }),
  noGradient: "test",
});

test("a symbol that an op introduces has its size from then on", () => {
  const ops = createCoreRegistry([{ owner: "test", ops: [take] }]);
  const module = moduleOf(
    `
  func @main(%x: tensor<4xf32>, %n: tensor<i32>) -> (y: tensor<2xKxf32>) {
    %p = test.take(%x, %n) : tensor<?Kxf32>
    %y = shape.broadcast(%p) {shape = [2, dim[K]]}
    return %y
  }`,
    ops,
  );
  const run = (count: number) => interpret(module, ops, { x: f32([4], [1, 2, 3, 4]), n: i32([], [count]) }).outputs.y;
  assert.equal(run(3), f32([2, 3], [1, 2, 3, 1, 2, 3]));
  assert.equal(run(1), f32([2, 1], [1, 1]));
});

test("an op's problem says where it arose", () => {
  const module = moduleOf(`
  func @main(%x: tensor<3xf32>, %i: tensor<2xi32>) -> (y: tensor<2xf32>) {
    %y = shape.gather(%x, %i) loc("model.onnx":"Gather_7")
    return %y
  }`);
  assert.is(
    fault(module, { x: f32([3], [1, 2, 3]), i: i32([2], [0, 3]) }),
    "E0503 | @main, %y = shape.gather | shape.gather: index 3 at position 1, the axis has 3 elements",
  );
});

test("carried state is an input and an output like others", () => {
  const module = moduleOf(`
  func @main(%x: tensor<2xf32>, %s: tensor<2xf32>) -> (state: tensor<2xf32>) carry (%s -> state) {
    %t = math.add(%s, %x)
    return %t
  }`);
  const first = interpret(module, registry, { x: f32([2], [1, 2]), s: f32([2], [0, 0]) }).outputs.state as HostTensor;
  assert.equal(interpret(module, registry, { x: f32([2], [1, 2]), s: first }).outputs.state, f32([2], [2, 4]));
});

test("outputs are the caller's own, even where they are an input, a reshape of it, or a constant", () => {
  const module = moduleOf(`
  func @main(%x: tensor<2xf32>) -> (x: tensor<2xf32>, r: tensor<1x2xf32>, c: tensor<2xf32>) {
    %r = shape.reshape(%x) {shape = [1, 2]}
    return %x, %r, @c
  }
  const @c : tensor<2xf32> = [5.0, 6.0]`);
  const x = f32([2], [1, 2]);
  const { outputs } = interpret(module, registry, { x });
  for (const output of Object.values(outputs)) output.data[0] = 9;
  assert.equal(x, f32([2], [1, 2]));
  assert.equal(interpret(module, registry, { x }).outputs, { x: f32([2], [1, 2]), r: f32([1, 2], [1, 2]), c: f32([2], [5, 6]) });
});

test("another function can be run, an unknown one is refused", () => {
  const module = moduleOf(`
  func @twice(%x: tensor<2xu2>) -> (y: tensor<4xu2>) {
    %y = shape.concat(%x, %x) {axis = 0}
    return %y
  }`);
  assert.equal(interpret(module, registry, { x: u2([2], [1, 3]) }, { function: "twice" }).outputs, { y: u2([4], [1, 3, 1, 3]) });
  assert.is(fault(module, {}), "E0519 | module @m has no function @main");
});

test("onOp sees every op in order; an aborted signal stops before the next", () => {
  const seen: string[] = [];
  const controller = new AbortController();
  const onOp = (op: { readonly name: string }, milliseconds: number) => {
    seen.push(op.name);
    assert.ok(milliseconds >= 0);
    if (op.name === "math.relu") controller.abort();
  };
  const message = fault(perceptron, { x: f32([1, 2], [1, 2]) }, { onOp, signal: controller.signal });
  assert.is(message, "E0518 | @main | the run was stopped before op 2 of 3");
  assert.equal(seen, ["nn.linear", "math.relu"]);
});

test("a lowered module is refused", () => {
  const module = moduleOf(`
  func @main(%x: tensor<2xf32>) -> (y: tensor<2xf32>) {
    %y = rt.kernel(%x) {kernel = "f32_relu"} : tensor<2xf32>
    return %y
  }`);
  assert.match(fault(module, { x: f32([2], [1, 2]) }), "E0505 | @main, %y = rt.kernel | rt.kernel runs on its target only");
});

test("values are dropped after their last use", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const count = 2 ** 20;
  const ops = Array.from({ length: 16 }, (_, i) => `    %v${i + 1} = math.neg(%v${i})`);
  const module = moduleOf(`
  func @main(%v0: tensor<${count}xf64>) -> (y: tensor<${count}xf64>) {
${ops.join("\n")}
    return %v16
  }`);
  const v0 = hostTensor("f64", [count]);
  collect();
  const before = process.memoryUsage().arrayBuffers;
  let held = 0;
  let done = 0;
  const onOp = () => {
    if (++done < ops.length) return;
    collect();
    held = process.memoryUsage().arrayBuffers - before;
  };
  interpret(module, registry, { v0 }, { onOp });
  assert.ok(held < 4 * 8 * count, `${held} bytes for values of ${8 * count} each`);
});

test("constants are evaluated once per module", () => {
  let calls = 0;
  const counted = defineOp({
    ...take,
    name: "test.counted",
    operands: [{ name: "x", role: "data", axes: ["in"] }],
    infer: (ctx) => [tensorType("f32", ctx.type(0).shape)],
    reference({ input }) {
      calls++;
      return [input(0)];
    },
  });
  const ops = createCoreRegistry([{ owner: "test", ops: [counted] }]);
  const module = moduleOf(
    `
  func @main(%x: tensor<2xf32>) -> (y: tensor<2xf32>) {
    %a = math.add(%x, @c)
    %y = math.add(%a, @c)
    return %y
  }
  const @c : tensor<2xf32> = test.counted(@d)
    const @d : tensor<2xf32> = [1.0, 2.0]`,
    ops,
  );
  for (let run = 0; run < 3; run++) assert.equal(interpret(module, ops, { x: f32([2], [0, 0]) }).outputs.y, f32([2], [2, 4]));
  assert.is(calls, 1);
});

test.run();
