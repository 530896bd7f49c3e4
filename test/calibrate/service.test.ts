/**
 * @file The calibration service: Gram matrices against what the layers themselves compute from the same windows (`E[y^2] = w G w'`, `E[y] = w mean`), histograms and channel statistics against
 * plain loops, divergences against whole runs, and that nothing is run twice.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dataSet } from "../../compiler/data/dataset.ts";
import {
  calibrationService,
  type DataSet,
  type Executor,
  histogramBins,
  type Layer,
  layerElements,
  layerMatrix,
  layersOf,
  leafValues,
} from "../../compiler/index.ts";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { dataConstant, type HostTensor, type Module, ModuleEditor, mainFunction, type ValueId } from "../../ir-spec/index.ts";
import { readBody, registry } from "../passes/support.ts";
import { seeded } from "../support/seeded.ts";

const executor = interpreterExecutor(registry);

/** Hexadecimal of seeded floats, for constants in text. */
function hex(count: number, seed: number): string {
  const { data } = seeded(seed).tensor("f32", [count]);
  return `hex"${Buffer.from(Float32Array.from(data as Float32Array).buffer).toString("hex")}"`;
}

function samples(shape: readonly number[], count: number, seed = 7): DataSet {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const { data } = seeded(seed).tensor("f32", [count, size]);
  const values = data as Float32Array;
  return dataSet({
    name: "seeded",
    classes: 1,
    inputs: { x: { dtype: "f32", shape } },
    labels: new Uint8Array(count),
    write: (index, out, row) => out.x?.set(values.subarray(index * size, (index + 1) * size), row * size),
  });
}

interface Net {
  readonly text: string;
  readonly sample: readonly number[];
}

const nets: Readonly<Record<string, Net>> = {
  "a convolution with groups, stride, padding and dilation": {
    sample: [4, 7, 9],
    text: `func @main(%x: tensor<Nx4x7x9xf32>) -> (y: tensor<Nx6x3x8xf32>) {
      %y = nn.conv(%x, @w, _) {stride = [2, 1], pad = [1, 0, 0, 1], dilation = [1, 2], groups = 2}
      return %y
    }
    const @w : tensor<6x2x3x2xf32> = ${hex(72, 1)}`,
  },
  "a depthwise convolution of one axis": {
    sample: [3, 11],
    text: `func @main(%x: tensor<Nx3x11xf32>) -> (y: tensor<Nx3x9xf32>) { %y = nn.conv(%x, @w, _) {groups = 3} return %y }
    const @w : tensor<3x1x3xf32> = ${hex(9, 2)}`,
  },
  "a fully connected layer over a sequence": {
    sample: [5, 6],
    text: `func @main(%x: tensor<Nx5x6xf32>) -> (y: tensor<Nx5x4xf32>) { %y = nn.linear(%x, @w, _) return %y }
    const @w : tensor<4x6xf32> = ${hex(24, 3)}`,
  },
  "a product by a constant": {
    sample: [6],
    text: `func @main(%x: tensor<Nx6xf32>) -> (y: tensor<Nx4xf32>) { %y = nn.matmul(%x, @w) return %y }
    const @w : tensor<6x4xf32> = ${hex(24, 4)}`,
  },
};

const close = (actual: number, wanted: number, what: string, size = Math.abs(wanted)) =>
  assert.ok(Math.abs(actual - wanted) <= 1e-5 * Math.max(size, 1e-3), `${what}: ${actual} instead of ${wanted}`);

/** Output o of the layer in each of its windows, from the outputs of the network. */
function rowsOf({ outputs, transposed, kernel }: Layer, { shape, data }: HostTensor): readonly number[][] {
  const rows: number[][] = Array.from({ length: outputs }, () => []);
  const inner = kernel.length > 0 ? shape.slice(2).reduce((product, size) => product * size, 1) : 1;
  assert.type(transposed, "boolean");
  for (let i = 0; i < data.length; i++) (rows[Math.floor(i / inner) % outputs] as number[]).push(Number(data[i]));
  return rows;
}

for (const [name, { text, sample }] of Object.entries(nets)) {
  test(`the Gram matrix of ${name} explains its outputs`, async () => {
    const module = readBody(text);
    const [layer] = layersOf(module);
    assert.ok(layer);
    const data = samples(sample, 9);
    const found = await calibrationService({ registry, executor, data }).collect(module, { grams: [layer] });
    const gram = found.gram(layer);
    assert.ok(gram);
    const { outputs } = await executor.run(module, { x: inputOf(data, sample) });
    const rows = rowsOf(layer, outputs.y as HostTensor);
    assert.is(gram.windows, rows[0]?.length);
    const w = layerMatrix(module, registry, layer);
    const { size, groups, matrix, mean } = gram;
    rows.forEach((row, o) => {
      const group = Math.floor((o * groups) / layer.outputs);
      let [square, first] = [0, 0];
      for (let i = 0; i < size; i++) {
        first += (w[o * size + i] as number) * (mean[group * size + i] as number);
        for (let j = 0; j < size; j++) {
          square += (w[o * size + i] as number) * (matrix[(group * size + i) * size + j] as number) * (w[o * size + j] as number);
        }
      }
      close(square, row.reduce((sum, y) => sum + y * y, 0) / row.length, `E[y^2] of ${o}`);
      close(first, row.reduce((sum, y) => sum + y, 0) / row.length, `E[y] of ${o}`, 1);
    });
    assert.equal([...layerElements(w, layer)], [...constantOf(module, layer.weight)]);
  });
}

function inputOf(data: DataSet, sample: readonly number[]): HostTensor {
  const { x } = data.batch(0, data.count);
  return { dtype: "f32", shape: [data.count, ...sample], data: Float32Array.from(x as Float32Array) };
}

const constantOf = (module: Module, name: string): Float32Array => leafValues(module, name) as Float32Array;

test("a histogram holds every value within a bin of its place, and its range follows the values", async () => {
  const module = readBody(nets["a product by a constant"]?.text ?? "");
  const data = samples([6], 40);
  const found = await calibrationService({ registry, executor, data }).collect(module, { histograms: [0], channels: [0], ranges: [0] });
  const { most, counts, count, min, max } = found.histogram(0);
  const values = [...(inputOf(data, [6]).data as Float32Array)];
  assert.is(count, 240);
  assert.is(
    counts.reduce((sum, n) => sum + n, 0),
    240,
  );
  assert.equal([min, max], [Math.min(...values), Math.max(...values)]);
  assert.ok(most >= Math.max(...values.map(Math.abs)) && most / 2 < Math.max(...values.map(Math.abs)));
  const wanted = new Float64Array(histogramBins);
  for (const value of values) {
    const bin = Math.min(histogramBins - 1, Math.floor(((value + most) / (2 * most)) * histogramBins));
    wanted[bin] = (wanted[bin] as number) + 1;
  }
  assert.equal([...counts], [...wanted]);
  const { mean, variance, axis } = found.channels(0);
  assert.is(axis, 1);
  for (let c = 0; c < 6; c++) {
    const own = values.filter((_, i) => i % 6 === c);
    const average = own.reduce((sum, value) => sum + value, 0) / own.length;
    close(mean[c] as number, average, "mean", 1);
    close(variance[c] as number, own.reduce((sum, value) => sum + (value - average) ** 2, 0) / own.length, "variance", 1);
  }
  assert.is(found.range(0).max, max);
  assert.throws(() => found.range(1), /not asked for the range of 1/);
});

function counting(): Executor & { readonly runs: () => number } {
  let runs = 0;
  return {
    runs: () => runs,
    run(module, inputs, options) {
      runs++;
      return executor.run(module, inputs, options);
    },
  };
}

const twoLayers = readBody(`func @main(%x: tensor<Nx6xf32>) -> (y: tensor<Nx3xf32>) {
    %h = nn.linear(%x, @a, _) {activation = relu}
    %y = nn.linear(%h, @b, _)
    return %y
  }
  const @a : tensor<5x6xf32> = ${hex(30, 5)}
  const @b : tensor<3x5xf32> = ${hex(15, 6)}`);

test("what is known of a module is not gathered again; another module is", async () => {
  const engine = counting();
  const service = calibrationService({ registry, executor: engine, data: samples([6], 8) });
  const values = mainFunction(twoLayers).values.map((_, id): ValueId => id);
  const first = await service.collect(twoLayers, { ranges: values });
  const { runs } = engine;
  const before = runs();
  assert.equal((await service.collect(twoLayers, { ranges: values })).range(1), first.range(1));
  assert.is(runs(), before);
  await service.collect({ ...twoLayers }, { ranges: values });
  assert.ok(runs() > before);
});

/** The module with @name times a factor. */
function scaled(module: Module, name: string, factor: number): Module {
  const editor = new ModuleEditor(module, registry);
  const constant = module.constants.get(name);
  assert.ok(constant?.kind === "data");
  const bytes = new Uint8Array(constantOf(module, name).map((value) => value * factor).buffer);
  editor.setConstant(dataConstant(name, constant.type, bytes));
  return editor.freeze();
}

test("divergences of early and late changes equal those of whole runs", async () => {
  const data = samples([6], 33);
  const service = calibrationService({ registry, executor, data });
  const variants = [scaled(twoLayers, "b", 1.5), twoLayers, scaled(twoLayers, "a", 0.5)];
  const found = await service.divergences(twoLayers, variants);
  const x = inputOf(data, [6]);
  const base = (await executor.run(twoLayers, { x })).outputs.y as HostTensor;
  for (const [i, variant] of variants.entries()) {
    const other = (await executor.run(variant, { x })).outputs.y as HostTensor;
    const [p, q] = [softmaxRows(base), softmaxRows(other)];
    const kl = p.reduce((sum, row, r) => sum + row.reduce((s, value, c) => s + value * Math.log(value / (q[r]?.[c] as number)), 0), 0) / 33;
    assert.is(found[i]?.measure, "kl");
    assert.is(found[i]?.samples, 33);
    assert.ok(Math.abs((found[i]?.value as number) - kl) < 1e-9, `${i}: ${found[i]?.value} instead of ${kl}`);
    const top = (rows: readonly number[][]) => rows.map((row) => row.indexOf(Math.max(...row)));
    assert.is(found[i]?.flipped, top(p).filter((c, r) => c !== top(q)[r]).length);
  }
  assert.is(found[1]?.value, 0);
  assert.ok((found[0]?.value as number) > 0 && (found[2]?.value as number) > 0);
});

function softmaxRows({ shape, data }: HostTensor): readonly number[][] {
  const classes = shape[1] as number;
  return Array.from({ length: shape[0] as number }, (_, row) => {
    const values = Array.from({ length: classes }, (_, c) => Math.exp(Number(data[row * classes + c])));
    const sum = values.reduce((total, value) => total + value, 0);
    return values.map((value) => value / sum);
  });
}

test("outputs that are no scores are compared by their relative squared error", async () => {
  const module = readBody(nets["a fully connected layer over a sequence"]?.text ?? "");
  const [one] = await calibrationService({ registry, executor, data: samples([5, 6], 5) }).divergences(module, [scaled(module, "w", 1.25)]);
  assert.is(one?.measure, "relative");
  assert.ok(Math.abs((one?.value as number) - 0.0625) < 1e-6, `${one?.value}`);
});

test.run();
