/** @file What the types have to refuse: each line below an expectation is an error, or `tsc` complains of the expectation. */
import { load, Tensor } from "tersor/runtime";
import { wasm } from "tersor/runtime/wasm";

// @ts-expect-error there is no such dtype
new Tensor("float32", new Float32Array(1), [1]);
// @ts-expect-error backends are required
load("model.tsr", {});
// @ts-expect-error a session takes tensors
(await load("model.tsr", { backends: [wasm()] })).run({ image: [1, 2, 3] });
