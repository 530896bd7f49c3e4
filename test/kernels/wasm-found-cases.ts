/** @file Cases of the kernels that find out sizes: by op of dialect `dynamic`, for every dtype, in Node and in a browser. */
import { readModule } from "../../compiler/text/index.ts";
import { type DType, type HostTensor, hostTensor, isFloat, type Module } from "../../ir-spec/index.ts";
import { registry } from "../support/op-module.ts";
import { seeded } from "../support/seeded.ts";

const random = seeded(20);

export type Feeds = Readonly<Record<string, HostTensor>>;

export const moduleOf = (body: string): Module => readModule(`tersor 1.0\n\nmodule @found {\n${body}\n}\n`, { registry });

/** Few different values, many of them 0. */
function coarse(dtype: DType, shape: readonly number[]): HostTensor {
  const x = hostTensor(dtype, shape);
  const low = /^(i|f|b.*6)/.test(dtype) ? -1 : 0;
  for (let i = 0; i < x.data.length; i++) {
    const value = dtype === "bool" ? random.int(0, 1) : random.int(low, 2);
    if (x.data instanceof BigInt64Array || x.data instanceof BigUint64Array) x.data[i] = BigInt(value);
    else x.data[i] = value === 0 && isFloat(dtype) && random.int(0, 1) === 0 ? -0 : value;
  }
  return x;
}

const one = (dtype: DType, value: number): HostTensor => {
  const x = hostTensor(dtype, []);
  x.data.fill((typeof x.data[0] === "bigint" ? BigInt(value) : value) as never);
  return x;
};

const i64 = (...values: readonly number[]): HostTensor => hostTensor("i64", [values.length], BigInt64Array.from(values, BigInt));

/** Bodies of `main` for each op of dialect `dynamic`, with feeds whose findings differ in size. */
export const foundBodies: { readonly [op: string]: (dtype: DType) => readonly (readonly [body: string, feeds: readonly Feeds[]])[] } = {
  "dynamic.nonzero": (dtype) => [
    [
      `func @main(%x: tensor<NxMx2x${dtype}>) -> (y: tensor<3xKxi64>) { %y = dynamic.nonzero(%x) : tensor<3x?Kxi64> return %y }`,
      [[3, 4, 2], [1, 1, 2], [0, 4, 2], [5, 2, 2]].map((shape) => ({ x: coarse(dtype, shape) })), // biome-ignore format: one line
    ],
    [`func @main(%x: tensor<${dtype}>) -> (y: tensor<1xKxi64>) { %y = dynamic.nonzero(%x) : tensor<1x?Kxi64> return %y }`, [{ x: one(dtype, 1) }, { x: one(dtype, 0) }]], // biome-ignore format: one line
  ],
  "dynamic.range": (dtype) => [
    [
      `func @main(%a: tensor<${dtype}>, %b: tensor<${dtype}>, %c: tensor<${dtype}>) -> (y: tensor<Kx${dtype}>) { %y = dynamic.range(%a, %b, %c) : tensor<?Kx${dtype}> return %y }`,
      [
        { a: one(dtype, 3), b: one(dtype, 12), c: one(dtype, 4) },
        { a: one(dtype, 3), b: one(dtype, 3), c: one(dtype, 1) },
        ...(dtype.startsWith("u") ? [] : [{ a: one(dtype, 3), b: one(dtype, -12), c: one(dtype, -5) }]),
      ],
    ],
  ],
  "dynamic.reshape": (dtype) => [
    [
      `func @main(%x: tensor<NxMx${dtype}>, %s: tensor<3xi64>) -> (y: tensor<AxBxCx${dtype}>) { %y = dynamic.reshape(%x, %s) : tensor<?Ax?Bx?Cx${dtype}> return %y }`,
      [
        { x: coarse(dtype, [4, 3]), s: i64(2, -1, 3) },
        { x: coarse(dtype, [4, 3]), s: i64(0, 3, 1) },
      ],
    ],
  ],
  "dynamic.broadcast": (dtype) => [
    [
      `func @main(%x: tensor<NxMx${dtype}>, %s: tensor<3xi64>) -> (y: tensor<AxBxCx${dtype}>) { %y = dynamic.broadcast(%x, %s) : tensor<?Ax?Bx?Cx${dtype}> return %y }`,
      [
        { x: coarse(dtype, [1, 3]), s: i64(2, 4, 1) },
        { x: coarse(dtype, [4, 1]), s: i64(1, 4, 3) },
        { x: coarse(dtype, [4, 1]), s: i64(3, 1, 0) },
      ],
    ],
  ],
  "dynamic.slice": (dtype) => [
    [
      `func @main(%x: tensor<NxMx5x${dtype}>, %s: tensor<2xi64>, %e: tensor<2xi64>, %t: tensor<2xi64>) -> (y: tensor<NxAxBx${dtype}>, z: tensor<CxMxDx${dtype}>) {
         %y = dynamic.slice(%x, %s, %e, %t) {axes = [1, -1]} : tensor<Nx?Ax?Bx${dtype}>
         %z = dynamic.slice(%x, %s, %e) {axes = [0, 2]} : tensor<?CxMx?Dx${dtype}>
         return %y, %z
       }`,
      [
        { x: coarse(dtype, [2, 7, 5]), s: i64(1, -1), e: i64(6, 0), t: i64(2, -2) },
        { x: coarse(dtype, [3, 7, 5]), s: i64(-99, 1), e: i64(99, 99), t: i64(1, 1) },
        { x: coarse(dtype, [3, 2, 5]), s: i64(1, 4), e: i64(1, 2), t: i64(1, 1) },
        { x: coarse(dtype, [3, 2, 5]), s: i64(99, -1), e: i64(-99, -99), t: i64(-1, -3) },
      ],
    ],
  ],
  "dynamic.unique": (dtype) => [
    ...[true, false].map(
      (sorted) =>
        [
          `func @main(%x: tensor<2xNx${dtype}>) -> (y: tensor<2xKx${dtype}>, first: tensor<Kxi64>, which: tensor<Nxi64>, counts: tensor<Kxi64>) {
             %y, %first, %which, %counts = dynamic.unique(%x) {axis = 1, sorted = ${sorted}} : tensor<2x?Kx${dtype}>, tensor<Kxi64>, tensor<Nxi64>, tensor<Kxi64>
             return %y, %first, %which, %counts
           }`,
          [7, 1, 0, 12].map((n) => ({ x: coarse(dtype, [2, n]) })),
        ] as const,
    ),
  ],
  "dynamic.non_max_suppression": () =>
    [false, true].map(
      (center) =>
        [
          `func @main(%b: tensor<2xNx4xf32>, %s: tensor<2x3xNxf32>, %n: tensor<i64>, %i: tensor<1xf32>, %t: tensor<f32>) -> (y: tensor<Kx3xi64>) {
             %y = dynamic.non_max_suppression(%b, %s, %n, %i, %t) {center = ${center}} : tensor<?Kx3xi64>
             return %y
           }`,
          [
            [40, 5, 0.3, -0.5],
            [40, 100, 0.6, 0.2],
            [7, 2, 0, -Infinity],
            [1, 1, 0.5, 2],
            [0, 1, 0.5, 0],
            [9, 0, 0.5, 0],
          ].map(([n = 0, most = 0, iou = 0, least = 0]) => ({
            b: random.tensor("f32", [2, n, 4]),
            s: random.tensor("f32", [2, 3, n]),
            n: one("i64", most),
            i: hostTensor("f32", [1], Float32Array.of(iou)),
            t: one("f32", least),
          })),
        ] as const,
    ),
};
