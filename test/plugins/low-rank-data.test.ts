/**
 * @file Low-rank factoring with calibration data: the error of the outputs is what the dropped singular values say, on layers and activations of `cifar10-resnet4b`; fit and bias lower it.
 * Errors are measured by running both layers on the activations, singular values are ml-matrix's.
 */
import { EigenvalueDecomposition, Matrix as Oracle } from "ml-matrix";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasResnet, preparedModel, trainingImages, wasmExecutor } from "../../bench/resnet4b.ts";
import { type DataSet, dataSet, type Layer, layersOf } from "../../compiler/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { constantBytes, type HostTensor, hostTensor, type Module, ModuleEditor, mainFunction, valueInfo } from "../../ir-spec/index.ts";
import { failure, readBody, registry, run } from "../passes/support.ts";
import { needing } from "../support/skip.ts";
import { normals, withValues } from "./support.ts";

const dataTest = needing(test, "data", hasResnet);
const samples = 700;

function samplesOf({ data, shape }: HostTensor): DataSet {
  const [count = 0, ...rest] = shape;
  const size = data.length / count;
  return dataSet({
    name: "activations",
    classes: 1,
    inputs: { x: { dtype: "f32", shape: rest } },
    labels: new Uint8Array(count),
    write: (index, out, row) => out.x?.set((data as Float32Array).subarray(index * size, (index + 1) * size), row * size),
  });
}

interface Alone {
  /** One layer, with its weights and bias. */
  readonly module: Module;
  readonly x: HostTensor;
}

let made: Promise<{ readonly model: Module; readonly images: DataSet }> | null = null;

function setup() {
  made ??= (async () => ({ model: await preparedModel(), images: await trainingImages(samples) }))();
  return made;
}

/** A layer of the real model, and what it saw of real images. */
async function realLayer(weight: string, count: number): Promise<Alone> {
  const { model, images } = await setup();
  const layer = layersOf(model).find((item) => item.weight === weight) as Layer;
  const func = mainFunction(model);
  const name = valueInfo(func, layer.op.operands[0] as number).name as string;
  const executor = wasmExecutor();
  const input = images.batch(0, count)["input.1"] as Float32Array;
  const { taps } = await executor.run(model, { "input.1": hostTensor("f32", [count, 3, 32, 32], input) }, { taps: [name] });
  executor.dispose();
  const x = taps[name] as HostTensor;
  return { module: alone(model, layer, x.shape), x: hostTensor("f32", x.shape, Float32Array.from(x.data as Float32Array)) };
}

/** The layer without its activation. */
function alone(model: Module, layer: Layer, shape: readonly number[]): Module {
  const dims = ["N", ...shape.slice(1)].join("x");
  const body = readBody(`  func @main(%x: tensor<${dims}xf32>) -> (y: tensor<${dims}xf32>) {
    return %x
  }`);
  const editor = new ModuleEditor(body, registry);
  for (const operand of layer.op.operands) {
    const constant = typeof operand === "string" ? model.constants.get(operand) : undefined;
    if (constant?.kind === "data") editor.setConstant({ ...constant, storage: { kind: "bytes", bytes: constantBytes(model, constant) } });
  }
  const main = editor.function("main");
  const attrs = new Map([...layer.op.attrs].filter(([name]) => name !== "activation"));
  const [y] = main.insertStored(layer.op.name, [0, ...layer.op.operands.slice(1)], attrs);
  main.setResults([{ name: "y", operand: y as number }]);
  return editor.freeze();
}

const outputsOf = (module: Module, x: HostTensor) => Float64Array.from(interpret(module, registry, { x }).outputs.y?.data as Float32Array);

/** Mean squared length of the difference of the outputs, per window. */
function measured({ module, x }: Alone, after: Module): number {
  const [y, z] = [outputsOf(module, x), outputsOf(after, x)];
  const outputs = layersOf(module)[0]?.outputs as number;
  return y.reduce((sum, v, i) => sum + (v - (z[i] as number)) ** 2, 0) / (y.length / outputs);
}

async function factored({ module, x }: Alone, options: string) {
  const data = samplesOf(x);
  const result = await run(module, `low-rank{samples=${Math.min(1024, data.count)} min=0 ${options}}`, { data });
  const row = result.records[0]?.rows[0];
  assert.ok(row, result.warnings.join());
  return { module: result.module, numbers: row?.numbers ?? {}, note: row?.note ?? "" };
}

const weightsOf = (module: Module, layer: Layer): Oracle => {
  const values = interpretConstant(module, layer.weight);
  return new Oracle(Array.from({ length: layer.outputs }, (_, o) => [...values.slice(o * layer.inputs, (o + 1) * layer.inputs)]));
};

function interpretConstant(module: Module, name: string): Float32Array {
  const constant = module.constants.get(name);
  if (constant?.kind !== "data") throw new RangeError(`@${name} is no data`);
  const bytes = constantBytes(module, constant);
  return new Float32Array(bytes.slice().buffer);
}

/** Eigenvalues of `W G Wᵀ`, descending, by ml-matrix: the squared singular values of `W L`, since `L Lᵀ = G`. */
function squaresOf(w: Oracle, rows: Oracle): number[] {
  const projected = rows.mmul(w.transpose());
  const moments = projected.transpose().mmul(projected).div(rows.rows);
  return new EigenvalueDecomposition(moments, { assumeSymmetric: true }).realEigenvalues.sort((a, b) => b - a);
}

dataTest("whitened SVD of linear1: the measured error is the sum of the dropped squared singular values within 1e-3", async () => {
  const real = await realLayer("linear1.weight", samples);
  const layer = layersOf(real.module)[0] as Layer;
  const x = real.x.data as Float32Array;
  const rows = new Oracle(Array.from({ length: samples }, (_, i) => [...x.slice(i * layer.inputs, (i + 1) * layer.inputs)]));
  const squares = squaresOf(weightsOf(real.module, layer), rows);
  for (const rank of [4, 16, 40]) {
    const dropped = squares.slice(rank).reduce((sum, v) => sum + v, 0);
    const { module, numbers } = await factored(real, `rank=${rank} bias=false fit=false`);
    const error = measured(real, module);
    assert.ok(Math.abs(error / dropped - 1) < 1e-3, `rank ${rank}: measured ${error}, dropped ${dropped}`);
    const { outputError = 0, predictedError = 1 } = numbers;
    assert.ok(Math.abs(outputError / predictedError - 1) < 1e-3, `rank ${rank}: ${outputError} ${predictedError}`);
  }
});

dataTest("whitened SVD of a 3x3 convolution: measured on all windows, the same", async () => {
  const real = await realLayer("layer2.1.conv1.weight", 60);
  const energy = (() => {
    const y = outputsOf(real.module, real.x);
    const bias = interpretConstant(real.module, (layersOf(real.module)[0] as Layer).bias as string);
    const positions = y.length / (60 * bias.length);
    return y.reduce((sum, v, i) => sum + (v - (bias[Math.floor(i / positions) % bias.length] as number)) ** 2, 0) / (60 * positions);
  })();
  for (const rank of [4, 12]) {
    const { module, numbers } = await factored(real, `rank=${rank} bias=false fit=false`);
    const error = measured(real, module) / energy;
    assert.ok(Math.abs(error / (numbers.predictedError as number) - 1) < 1e-3, `rank ${rank}: ${error} ${numbers.predictedError}`);
  }
});

dataTest("on real activations whitening beats plain SVD, looking about the mean beats both, and the fit repairs every method", async () => {
  const real = await realLayer("layer2.1.conv1.weight", 60);
  const error = async (options: string) => measured(real, (await factored(real, options)).module);
  const [plain, whitened, centred] = [
    await error("method=svd rank=8 fit=false bias=false"),
    await error("method=whitened rank=8 fit=false bias=false"),
    await error("method=whitened rank=8"),
  ];
  assert.ok(whitened < 0.9 * plain && centred < whitened, `${plain} ${whitened} ${centred}`);
  for (const method of ["svd", "spatial", "tucker", "cp"]) {
    const [without, fit] = [await error(`method=${method} rank=8 fit=false`), await error(`method=${method} rank=8 fit=true`)];
    assert.ok(fit < without, `${method}: ${fit} ${without}`);
  }
});

test("without data: plain SVD, with a warning", async () => {
  const before = withValues(
    readBody(`  func @main(%x: tensor<Nx40xf32>) -> (y: tensor<Nx60xf32>) {
    %y = nn.linear(%x, @w, _)
    return %y
  }
  const @w : tensor<60x40xf32> = splat 1.0`),
    "w",
    normals(2400),
  );
  const { warnings, records, module } = await run(before, "low-rank{rank=4}");
  assert.equal(warnings, ["low-rank: there is no data: plain SVD, which looks at the error of the weights instead of that of the outputs"]);
  assert.match(records[0]?.rows[0]?.note ?? "", "svd, rank 4");
  assert.equal(module, (await run(before, "low-rank{rank=4 method=svd}")).module);
  // Dead inputs and fewer samples than columns: G is singular, damping makes it positive definite.
  const x = hostTensor(
    "f32",
    [5, 40],
    normals(200).map((v, i) => (i % 40 < 10 ? 0 : v)),
  );
  for (const options of ["damping=0", "damping=0.01"]) {
    const { numbers } = await factored({ module: before, x }, `rank=5 ${options}`);
    assert.ok((numbers.outputError as number) < 1e-3, `${options} ${numbers.outputError}`);
  }
  const wrong = samplesOf(hostTensor("f32", [5, 7], normals(35)));
  assert.is((await failure(() => run(before, "low-rank{rank=4}", { data: wrong }))).code, "E0721");
});

test.run();
