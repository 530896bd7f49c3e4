/**
 * @file Fourier transforms along one axis as matrix products (Cooley and Tukey, "An algorithm for the machine calculation of complex Fourier series", 1965): a length that factors is two shorter transforms around a
 * product with its roots of unity, a short or prime one is a single product. Values are [rows, length, parts], with one part (real) or two (real, imaginary).
 */
import { type Dim, dimMul, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext } from "../node.ts";
import type { Value } from "../value.ts";

/** Up to here one product costs less than the copies around two. */
const mostDirect = 32;
/** Above it the matrix of a length that does not factor would be larger than most models. */
export const longestPrime = 1024;

/** The factor of `length` nearest to its square root from below; 1 for a prime. */
function factorOf(length: number): number {
  let factor = Math.floor(Math.sqrt(length));
  while (length % factor !== 0) factor--;
  return factor;
}

function table(node: NodeContext, like: Value, shape: readonly number[], at: (index: number) => number): Value {
  const { dtype } = like.type;
  const count = shape.reduce((n, d) => n * d, 1);
  const numbers = Array.from({ length: count }, (_, i) => at(i));
  return node.literal(tensorType(dtype, shape), encodeNumbers(dtype, shape, numbers));
}

/** exp(sign * 2 pi i * k / length), with k reduced first so that a long product of indices loses nothing. */
function root(k: number, length: number, sign: number): readonly [re: number, im: number] {
  const turn = (2 * Math.PI * (k % length)) / length;
  return [Math.cos(turn), sign * Math.sin(turn)];
}

/** [rows, length, parts] to [rows, length, 2] by one matrix [length * parts, length * 2]. `sign` -1 transforms, 1 transforms back without the factor 1 / length. */
function direct(node: NodeContext, x: Value, sign: number): Value {
  const [rows = 1, length = 1, parts = 1] = x.type.shape as readonly [Dim, number, number];
  const width = 2 * length;
  const matrix = table(node, x, [length * parts, width], (i) => {
    const [from, to] = [Math.floor(i / width), i % width];
    const [re, im] = root(Math.floor(from / parts) * Math.floor(to / 2), length, sign);
    const [fromImaginary, toImaginary] = [from % parts === 1, to % 2 === 1];
    if (fromImaginary) return toImaginary ? re : -im;
    return toImaginary ? im : re;
  });
  return node.reshape(node.emit("nn.matmul", [node.reshape(x, [rows, length * parts]), matrix]), [rows, length, 2]);
}

/** x [.., n, m, 2] times the root of unity of its two positions, as complex numbers. */
function twiddled(node: NodeContext, x: Value, n: number, m: number, sign: number): Value {
  const at = (i: number) => root(Math.floor(i / (2 * m)) * (Math.floor(i / 2) % m), n * m, sign);
  const same = table(node, x, [n, m, 2], (i) => at(i)[0]);
  const other = table(node, x, [n, m, 2], (i) => (i % 2 === 0 ? -at(i)[1] : at(i)[1]));
  const swapped = node.emit("shape.slice", [x], { axes: [3], starts: [1], ends: [-3], steps: [-1] });
  return node.emit("math.add", [node.emit("math.mul", [x, same]), node.emit("math.mul", [swapped, other])]);
}

/** [rows, length, parts] to [rows, length, 2]. */
export function transformed(node: NodeContext, x: Value, sign: number): Value {
  const [rows = 1, length = 1, parts = 1] = x.type.shape as readonly [Dim, number, number];
  const first = factorOf(length);
  if (length <= mostDirect || first === 1) return checkedDirect(node, x, sign);
  const second = length / first;
  const columns = turned(node, node.reshape(x, [rows, first, second, parts]));
  const inner = transformed(node, node.reshape(columns, [dimMul(rows, second), first, parts]), sign);
  const spun = twiddled(node, node.reshape(inner, [rows, second, first, 2]), second, first, sign);
  const outer = transformed(node, node.reshape(turned(node, spun), [dimMul(rows, first), second, 2]), sign);
  return node.reshape(turned(node, node.reshape(outer, [rows, first, second, 2])), [rows, length, 2]);
}

function checkedDirect(node: NodeContext, x: Value, sign: number): Value {
  const length = x.type.shape[1] as number;
  if (length > longestPrime) {
    const hint = "choose a length with small factors, such as a power of two";
    node.fail("E0605", `a transform of length ${length}, a prime or with such a factor, is not supported beyond ${longestPrime}`, hint);
  }
  return direct(node, x, sign);
}

/** The two axes in the middle exchanged. */
const turned = (node: NodeContext, x: Value): Value => node.emit("shape.transpose", [x], { perm: [0, 2, 1, 3] });
