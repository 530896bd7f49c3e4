/**
 * @file Skeletons that somebody made to harm: what a graph may not name is refused before ONNX Runtime sees it, and any bytes at all end in a coded error or in a session that
 * answers, never in a crash of the process.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type GraphProto,
  type Input,
  type ModelProto as ModelProtoFields,
  type NodeProto,
  onnx,
  type TensorProto as TensorProtoFields,
} from "../../../compiler/import/onnx/proto/gen/onnx.js";
import { checkSkeleton } from "../../../runtime/backends/ort/check-skeleton.ts";
import { ort as backend } from "../../../runtime/backends/ort/index.ts";
import { RuntimeError, Tensor } from "../../../runtime/index.ts";
import { onnxModel } from "../../support/onnx-writer.ts";
import { ort } from "../../support/ort.ts";
import { seeded } from "../../support/seeded.ts";
import { needing } from "../../support/skip.ts";
import { scaled, scaledPlan } from "./support.ts";

const { ModelProto } = onnx;
const ortTest = needing(test, "ort", ort !== null);
const good = onnxModel(scaled);

const model = ModelProto.decode(good);

/** The good skeleton with other fields in its graph, or in the model. */
function changed(graph: Input<GraphProto>, rest: Input<ModelProtoFields> = {}): Uint8Array {
  return ModelProto.encode({ ...model, ...rest, graph: { ...model.graph, ...graph } } as Input<ModelProtoFields>).finish();
}

const withNode = (node: Input<NodeProto>): Uint8Array => changed({ node: [...(model.graph?.node ?? []), node] });

const isRefused = (error: unknown) => error instanceof RuntimeError && error.code === "R0414";

const external: Input<TensorProtoFields> = {
  name: "w",
  dims: [3],
  dataType: 1,
  dataLocation: 1,
  externalData: [{ key: "location", value: "../secrets.bin" }],
};

const hostile: Readonly<Record<string, Uint8Array>> = {
  "a weight in another file": changed({ initializer: [external] }),
  "a Constant in another file": withNode({ opType: "Constant", output: ["c"], attribute: [{ name: "value", type: 4, t: external }] }),
  "a graph inside a node": withNode({
    opType: "Loop",
    input: ["", ""],
    output: ["c"],
    attribute: [{ name: "body", type: 5, g: { name: "inner" } }],
  }),
  "an op of another domain": withNode({ opType: "Relu", domain: "com.example.custom", input: ["x"], output: ["c"] }),
  "an operator set of another domain": changed({}, { opsetImport: [...model.opsetImport, { domain: "com.example.custom", version: 1 }] }),
  "functions of its own": changed({}, { functions: [{ name: "f" }] }),
  "a sequence for an input": changed({ input: [{ name: "x", type: { sequenceType: {} } }] }),
  "a sparse weight": changed({ sparseInitializer: [{ dims: [3] }] }),
  "no protobuf at all": new TextEncoder().encode("not a model, but quite a lot of text"),
};

for (const [what, bytes] of Object.entries(hostile)) {
  test(`${what} is refused`, () => assert.throws(() => checkSkeleton(bytes), isRefused));
}

test("the backend refuses before ONNX Runtime sees a byte", async () => {
  const create = () => assert.unreachable("ONNX Runtime was given the model");
  const engine = backend({ load: async () => ({ Tensor: class {}, InferenceSession: { create } }) });
  await engine.open();
  for (const [what, bytes] of Object.entries(hostile)) {
    const error = await engine.prepare(scaledPlan(bytes)).catch((cause: unknown) => cause);
    assert.ok(isRefused(error), `${what}: ${error}`);
  }
});

test("the skeleton that they were made from passes", () => checkSkeleton(changed({})));

test("cut short anywhere, it is refused or is a shorter message", () => {
  for (let length = 0; length < good.length; length++) {
    try {
      checkSkeleton(good.subarray(0, length));
    } catch (error) {
      assert.ok(isRefused(error), `${length}: ${error}`);
    }
  }
});

/** true: it ran. */
async function survives(skeleton: Uint8Array): Promise<boolean> {
  const engine = backend({ threads: 1 });
  await engine.open();
  try {
    const executable = await engine.prepare(scaledPlan(skeleton));
    try {
      await executable.run([new Tensor("f32", Float32Array.of(1, 2, 3), [1, 3])], new Map([["N", 1]]));
      return true;
    } finally {
      executable.dispose();
    }
  } catch (error) {
    if (error instanceof RuntimeError && /^R04(04|14)$/.test(error.code)) return false;
    throw error;
  }
}

ortTest("500 damaged skeletons: a coded error, or an answer of the promised type", async () => {
  const random = seeded(5);
  let ran = 0;
  for (let i = 0; i < 500; i++) {
    const bytes = good.slice();
    for (let k = random.int(1, 3); k > 0; k--) bytes[random.int(0, bytes.length - 1)] = random.int(0, 255);
    if (await survives(bytes)) ran++;
  }
  assert.ok(ran > 0 && ran < 250, `${ran} of 500 ran`);
  assert.ok(await survives(good));
});

test.run();
