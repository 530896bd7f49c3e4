/** @file Ops that find out sizes, exported: ONNX Runtime finds the same, and the model comes back with sizes that a run tells. */
import { test } from "uvu";
import { type HostTensor, hostTensor } from "../../ir-spec/index.ts";
import { ort } from "../support/ort.ts";
import { needing } from "../support/skip.ts";
import { assertRoundTrip, assertSameInOrt, moduleOf } from "./support.ts";

const oracle = needing(test, "ort", ort !== null);

const x: HostTensor = hostTensor("f32", [2, 4], Float32Array.of(3, 0, 3, 0.5, 1, 0, 1, -2));
const scalar = (value: number): HostTensor => hostTensor("f32", [], Float32Array.of(value));

const longs = (...values: readonly number[]): HostTensor => hostTensor("i64", [values.length], BigInt64Array.from(values, BigInt));

const cases: readonly (readonly [what: string, body: string, inputs: Readonly<Record<string, HostTensor>>])[] = [
  ["nonzero", "func @main(%x: tensor<2xNxf32>) -> (y: tensor<2xKxi64>) { %y = dynamic.nonzero(%x) : tensor<2x?Kxi64> return %y }", { x }],
  ...[true, false].map(
    (sorted) =>
      [
        `unique, sorted ${sorted}`,
        `func @main(%x: tensor<2xNxf32>) -> (y: tensor<2xKxf32>, i: tensor<Kxi64>, j: tensor<Nxi64>, n: tensor<Kxi64>) {
          %y, %i, %j, %n = dynamic.unique(%x) {axis = 1, sorted = ${sorted}} : tensor<2x?Kxf32>, tensor<Kxi64>, tensor<Nxi64>, tensor<Kxi64>
          return %y, %i, %j, %n
        }`,
        { x },
      ] as const,
  ),
  [
    "range",
    "func @main(%a: tensor<f32>, %b: tensor<f32>, %c: tensor<f32>) -> (y: tensor<Kxf32>) { %y = dynamic.range(%a, %b, %c) : tensor<?Kxf32> return %y }",
    { a: scalar(1), b: scalar(4), c: scalar(0.75) },
  ],
  [
    "reshape",
    "func @main(%x: tensor<2xNxf32>, %s: tensor<3xi64>) -> (y: tensor<AxBxCxf32>) { %y = dynamic.reshape(%x, %s) : tensor<?Ax?Bx?Cxf32> return %y }",
    { x, s: longs(0, -1, 2) },
  ],
  [
    "broadcast",
    "func @main(%x: tensor<2xNxf32>, %s: tensor<3xi64>) -> (y: tensor<AxBxCxf32>) { %y = dynamic.broadcast(%x, %s) : tensor<?Ax?Bx?Cxf32> return %y }",
    { x, s: longs(3, 1, 4) },
  ],
  ...["", ", %t"].map(
    (steps) =>
      [
        `slice${steps === "" ? "" : " with steps"}`,
        `func @main(%x: tensor<2xNxf32>, %s: tensor<1xi64>, %e: tensor<1xi64>, %t: tensor<1xi64>) -> (y: tensor<2xKxf32>, t: tensor<1xi64>) {
          %y = dynamic.slice(%x, %s, %e${steps}) {axes = [1]} : tensor<2x?Kxf32>
          return %y, %t
        }`,
        { x, s: longs(-3), e: longs(99), t: longs(2) },
      ] as const,
  ),
  [
    "suppression of boxes",
    `func @main(%b: tensor<1xNx4xf32>, %s: tensor<1x2xNxf32>, %n: tensor<i32>, %i: tensor<f32>, %t: tensor<f32>) -> (y: tensor<Kx3xi64>) {
      %y = dynamic.non_max_suppression(%b, %s, %n, %i, %t) {center = true} : tensor<?Kx3xi64>
      return %y
    }`,
    {
      b: hostTensor("f32", [1, 3, 4], Float32Array.of(0, 0, 4, 4, 1, 0, 4, 4, 9, 9, 2, 2)),
      s: hostTensor("f32", [1, 2, 3], Float32Array.of(3, 2, 1, 0.5, 0.75, 0.125)),
      n: hostTensor("i32", [], Int32Array.of(2)),
      i: scalar(0.5),
      t: scalar(0.25),
    },
  ],
];

for (const [what, body, inputs] of cases) {
  oracle(what, async () => {
    const module = moduleOf(body);
    const model = await assertSameInOrt(module, inputs, what);
    assertRoundTrip(module, model, inputs, what);
  });
}

test.run();
