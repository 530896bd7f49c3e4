/**
 * @file The operator tests of the ONNX project: models with inputs and expected outputs. What is imported must give the expected outputs; what is not must be
 * refused with a code. Tolerances are those of the ONNX test runner.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { onnx } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { readTensor } from "../../compiler/import/onnx/tensor.ts";
import { decodeTensor, type HostTensor, type Module, mainFunction, staticShape, TersorError } from "../../ir-spec/index.ts";
import { DATA } from "../support/data.ts";
import { need } from "../support/skip.ts";
import { importModel, runModule } from "./oracle.ts";
import { readTarGz } from "./tar.ts";

const folder = join(DATA, "onnx-backend-tests");

function readValue(bytes: Uint8Array): HostTensor {
  const { type, bytes: data } = readTensor(onnx.TensorProto.decode(bytes), "a test's tensor");
  return decodeTensor(type.dtype, staticShape(type.shape) ?? [], data);
}

/** Some element differs by more than 1e-7 + 1e-3 of the expected one. */
function differs(got: HostTensor, want: HostTensor): boolean {
  if (got.dtype !== want.dtype || got.shape.join() !== want.shape.join()) return true;
  return Array.from(want.data as ArrayLike<number | bigint>).some((w, i) => {
    const [a, b] = [Number(got.data[i]), Number(w)];
    return !(Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= 1e-7 + 1e-3 * Math.abs(b));
  });
}

type Verdict = "pass" | `mismatch ${string}` | `refused ${string}`;

async function verdictOf(files: ReadonlyMap<string, Uint8Array>, name: string): Promise<Verdict> {
  let module: Module;
  try {
    module = importModel(files.get(`${name}/model.onnx`) ?? new Uint8Array(0));
  } catch (error) {
    if (error instanceof TersorError) return `refused ${error.problems.map((p) => p.code).join()}`;
    throw error;
  }
  const main = mainFunction(module);
  for (let set = 0; files.has(`${name}/test_data_set_${set}/output_0.pb`); set++) {
    const tensor = (kind: string, i: number) => readValue(files.get(`${name}/test_data_set_${set}/${kind}_${i}.pb`) ?? new Uint8Array(0));
    const names = main.params.map((id) => main.values[id]?.name ?? "");
    const got = await runModule(module, Object.fromEntries(names.map((n, i) => [n, tensor("input", i)])));
    const wrong = main.results.find((result, i) => differs(got[result.name] as HostTensor, tensor("output", i)));
    if (wrong) return `mismatch ${wrong.name}`;
  }
  return "pass";
}

/** Archive, and how many tests pass at least. */
const archives: readonly (readonly [file: string, passes: number])[] = [
  ["onnx-1.7.0-opset12.tar.gz", 1],
  ["onnx-1.13.1-opset18.tar.gz", 1],
  ["onnx-dev-opset28.tar.gz", 1],
];

for (const [file, least] of archives) {
  test(`${file}: at least ${least} pass, none differs`, async () => {
    const path = join(folder, file);
    if (!need("data", existsSync(path), `ONNX operator tests ${file}`)) return;
    const files = readTarGz(readFileSync(path));
    const names = [...files.keys()].filter((f) => /^(?!light).*\/model\.onnx$/.test(f)).map((f) => f.replace(/\/model\.onnx$/, ""));
    const verdicts = new Map<string, Verdict>();
    for (const name of names) verdicts.set(name, await verdictOf(files, name));
    const bad = [...verdicts].filter(([, v]) => v.startsWith("mismatch"));
    assert.equal(bad, []);
    const passed = [...verdicts.values()].filter((v) => v === "pass").length;
    process.stdout.write(`\n${file}: ${passed} of ${names.length} pass\n`);
    assert.ok(passed >= least, `${passed} pass`);
    assert.ok([...verdicts.values()].every((v) => v === "pass" || /^refused (E0[36]\d\d,?)+$/.test(v)));
  });
}

test.run();
