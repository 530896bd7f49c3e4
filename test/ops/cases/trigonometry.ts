/** @file Cases of circular and hyperbolic functions: values from tables, symmetries, the ends of the domains, and gradients. */
import type { OpCase } from "../op-case.ts";
import { f16, f32, f64, spread } from "../tensors.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const { PI: pi, SQRT1_2: root, LN2: ln2 } = Math;

const points = (op: string, ...table: readonly (readonly [x: number, y: number])[]): OpCase => ({
  op,
  inputs: [
    f64(
      [table.length],
      table.map(([x]) => x),
    ),
  ],
  expect: [
    f64(
      [table.length],
      table.map(([, y]) => y),
    ),
  ],
  tolerance: 1e-15,
});

const golden = (1 + Math.sqrt(5)) / 2;

/** Where all inverses are defined, off the ends. */
const inside = f64([2, 3], [-0.9, -0.4, -0.05, 0.1, 0.5, 0.8]);
const beyondOne = f64([4], [1.1, 1.7, 2.5, 9]);

export const cases: readonly OpCase[] = [
  points("math.sin", [0, 0], [pi / 6, 0.5], [-pi / 2, -1], [inf, nan], [nan, nan]),
  points("math.cos", [0, 1], [pi / 3, 0.5], [pi, -1], [inf, nan]),
  points("math.tan", [0, 0], [pi / 4, 1], [-pi / 4, -1]),
  points("math.asin", [0, 0], [0.5, pi / 6], [-1, -pi / 2], [1.5, nan]),
  points("math.acos", [1, 0], [0.5, pi / 3], [-1, pi], [-1.5, nan]),
  points("math.atan", [0, 0], [1, pi / 4], [-inf, -pi / 2]),
  // sinh(ln 2) = (2 - 1/2) / 2, cosh(ln 2) = (2 + 1/2) / 2, tanh(ln 2) = 3/5; asinh(1/2) = ln of the golden ratio.
  points("math.sinh", [0, 0], [ln2, 0.75], [-ln2, -0.75], [inf, inf]),
  points("math.cosh", [0, 1], [ln2, 1.25], [-inf, inf]),
  points("math.asinh", [0, 0], [0.5, Math.log(golden)], [0.75, ln2], [-inf, -inf]),
  points("math.acosh", [1, 0], [1.25, ln2], [inf, inf], [0.5, nan]),
  points("math.atanh", [0, 0], [0.6, ln2], [1, inf], [2, nan]),
  points("math.softplus", [0, ln2], [1000, 1000], [-1000, 0], [inf, inf], [-inf, 0], [nan, nan]),
  {
    op: "math.softplus",
    note: "keeps its digits far below 0: ln(1 + e) is e there",
    inputs: [f32([1], [-40])],
    expect: [f32([1], [4.248354255291589e-18])],
  },
  { op: "math.sin", note: "f16 rounds once", inputs: [f16([1], [0.78515625])], expect: [f16([1], [0.70703125])] },
  { op: "math.cos", note: "f32", inputs: [f32([1], [pi / 4])], expect: [f32([1], [root])], tolerance: 6e-8 },
  ...["sin", "cos", "tan", "atan", "sinh", "cosh", "asinh", "softplus"].map(
    (name): OpCase => ({
      op: `math.${name}`,
      note: "gradient",
      inputs: [name === "tan" ? inside : spread(2, 3)],
      gradient: [true],
    }),
  ),
  ...["asin", "acos", "atanh"].map((name): OpCase => ({ op: `math.${name}`, note: "gradient", inputs: [inside], gradient: [true] })),
  { op: "math.acosh", note: "gradient", inputs: [beyondOne], gradient: [true] },
];
