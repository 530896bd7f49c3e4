/**
 * @file What calibration measures: for each kind of kernel a spread of seeded sizes, one op a network, and some stacks of layers whose weights do not fit in the second cache.
 * None of them is a network that anybody uses: those are for judging the model, not for fitting it.
 */
import type { Module, OpRegistry, ValueId } from "../../../ir-spec/index.ts";
import { Random } from "../../random/random.ts";
import { Net } from "./net.ts";

export interface CalibrationCase {
  /** `conv 3: ...`; the part before the number is the kind. */
  readonly name: string;
  /** Multiply-accumulates, or operations of the like; about. */
  readonly macs: number;
  build(): Module;
}

/** The largest network in multiply-accumulates: about 20 ms on a fast core. */
const mostMacs = 8e7;

/** `first`: the smallest case of its kind, where the launch is all there is. */
type Recipe = (
  random: Random,
  first: boolean,
) => { readonly input: readonly number[]; readonly macs?: number; readonly stack?: true; make(net: Net): ValueId };

const pick = <T>(random: Random, list: readonly T[]): T => list[random.int(list.length)] as T;

const channels = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64, 72, 96, 128, 160, 192, 256, 320, 384, 512] as const;
const sides = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112] as const;
const widths = [
  1, 2, 3, 4, 7, 10, 16, 24, 32, 50, 64, 84, 100, 128, 160, 192, 256, 300, 384, 500, 512, 768, 1000, 1024, 1536, 2048, 3072, 4096,
] as const;

const conv: Recipe = (random) => {
  const [ins, outs, side] = [pick(random, channels), pick(random, channels), pick(random, sides)];
  const kernel = Math.min(pick(random, [1, 1, 1, 3, 3, 3, 3, 5, 7]), Math.max(1, 2 * side - 1));
  const stride = pick(random, [1, 1, 1, 2]);
  const groups = random.int(8) === 0 && ins % 2 === 0 && outs % 2 === 0 ? 2 : 1;
  const pad = random.int(6) === 0 && side >= kernel ? 0 : (kernel - 1) >> 1;
  const macs = (side / stride) ** 2 * outs * (ins / groups) * kernel ** 2;
  const activation = pick(random, ["none", "relu"]);
  return { input: [1, ins, side, side], macs, make: (net) => net.conv(net.input, outs, kernel, { stride, groups, pad, activation }) };
};

const conv1d: Recipe = (random) => {
  const [ins, outs, length] = [
    pick(random, channels),
    pick(random, channels),
    pick(random, [16, 40, 64, 100, 128, 256, 500, 1000, 2000, 4000]),
  ];
  const [kernel, stride] = [pick(random, [1, 3, 5, 9, 15]), pick(random, [1, 1, 2, 4])];
  return {
    input: [1, ins, length],
    macs: (length / stride) * outs * ins * kernel,
    make: (net) => net.conv(net.input, outs, kernel, { stride }),
  };
};

const batchedConv: Recipe = (random) => {
  const [batch, ins, outs, side] = [
    pick(random, [2, 4, 8]),
    pick(random, channels.slice(0, 16)),
    pick(random, channels.slice(0, 16)),
    pick(random, sides.slice(5, 18)),
  ];
  const kernel = pick(random, [1, 3, 5]);
  return {
    input: [batch, ins, side, side],
    macs: batch * side ** 2 * outs * ins * kernel ** 2,
    make: (net) => net.conv(net.input, outs, kernel, { activation: "relu" }),
  };
};

/** A float border, an integer convolution, a float border. */
const byteConv: Recipe = (random) => {
  const [ins, outs, side] = [pick(random, channels), pick(random, channels), pick(random, sides.slice(2))];
  const kernel = Math.min(pick(random, [1, 1, 3, 3, 5]), Math.max(1, 2 * side - 1));
  const stride = pick(random, [1, 1, 1, 2]);
  const macs = (side / stride) ** 2 * outs * ins * kernel ** 2;
  const activation = pick(random, ["none", "relu"]);
  return { input: [1, ins, side, side], macs, make: (net) => net.byteConv(net.rounded(net.input), outs, kernel, { stride, activation }) };
};

const byteDepthwise: Recipe = (random) => {
  const [ins, side, kernel, stride] = [
    pick(random, channels.slice(5)),
    pick(random, sides.slice(3)),
    pick(random, [3, 3, 5]),
    pick(random, [1, 1, 2]),
  ];
  return {
    input: [1, ins, side, side],
    macs: (side / stride) ** 2 * ins * kernel ** 2,
    make: (net) => net.byteConv(net.rounded(net.input), ins, kernel, { stride, groups: ins }),
  };
};

const byteLinear: Recipe = (random) => {
  const [rows, ins, outs] = [pick(random, [1, 1, 4, 16, 64, 128]), pick(random, widths.slice(4)), pick(random, widths.slice(0, 24))];
  return { input: [rows, ins], macs: rows * ins * outs, make: (net) => net.byteLinear(net.rounded(net.input), outs) };
};

const byteAdd: Recipe = (random, first) => {
  const input = image(random, first);
  return {
    input,
    make(net) {
      const x = net.rounded(net.input);
      return net.rounded(net.one("math.add", [x, net.rounded(net.one("math.relu", [x]), 0.03)]), 0.05);
    },
  };
};

const bytePool: Recipe = (random) => {
  const [ins, side] = [pick(random, channels), pick(random, sides.slice(5))];
  const attrs = { kernel: [2, 2], stride: [2, 2] };
  const op = pick(random, ["nn.max_pool", "nn.avg_pool"]);
  return { input: [1, ins, side, side], make: (net) => net.rounded(net.one(op, [net.rounded(net.input)], attrs)) };
};

const byteMean: Recipe = (random) => {
  const [ins, side] = [pick(random, channels), pick(random, sides)];
  return {
    input: [1, ins, side, side],
    make: (net) => net.rounded(net.one("reduce.mean", [net.rounded(net.input)], { axes: [2, 3], keepdims: false })),
  };
};

const depthwise: Recipe = (random) => {
  const [ins, side] = [pick(random, channels.slice(5)), pick(random, sides.slice(3))];
  const [kernel, stride] = [pick(random, [3, 3, 3, 5, 7]), pick(random, [1, 1, 2])];
  return {
    input: [1, ins, side, side],
    macs: (side / stride) ** 2 * ins * kernel ** 2,
    make: (net) => net.depthwise(net.input, kernel, { stride }),
  };
};

const linear: Recipe = (random) => {
  const [rows, ins, outs] = [
    pick(random, [1, 1, 1, 2, 3, 4, 8, 16, 32, 49, 64, 100, 128, 197, 256]),
    pick(random, widths),
    pick(random, widths),
  ];
  return { input: [rows, ins], macs: rows * ins * outs, make: (net) => net.linear(net.input, outs, random.int(2) === 0 ? "none" : "relu") };
};

const matmul: Recipe = (random) => {
  const [batch, m, k] = [
    pick(random, [1, 2, 4, 8, 12]),
    pick(random, [1, 4, 16, 32, 50, 64, 100, 128, 197]),
    pick(random, [8, 16, 24, 32, 48, 64, 96, 128, 197]),
  ];
  const n = pick(random, [4, 16, 32, 50, 64, 100, 128, 197]);
  return {
    input: [batch, m + n, k],
    macs: batch * m * n * k,
    make(net) {
      const left = net.one("shape.slice", [net.input], { axes: [1], starts: [0], ends: [m] });
      const right = net.one("shape.slice", [net.input], { axes: [1], starts: [m], ends: [m + n] });
      return net.one("nn.matmul", [left, net.one("shape.transpose", [right], { perm: [0, 2, 1] })]);
    },
  };
};

const pool: Recipe = (random) => {
  const [ins, side, kernel] = [pick(random, channels), pick(random, sides.slice(5)), pick(random, [2, 2, 3, 3, 5])];
  const stride = pick(random, [1, 2, 2]);
  const pad = pick(random, [0, (kernel - 1) >> 1]);
  const attrs = { kernel: [kernel, kernel], stride: [stride, stride], pad: [pad, pad, pad, pad] };
  const op = pick(random, ["nn.max_pool", "nn.avg_pool"]);
  return {
    input: [1, ins, side, side],
    macs: (side / stride) ** 2 * ins * kernel ** 2,
    make: (net) => net.one(op, [net.one("math.relu", [net.input])], attrs),
  };
};

function image(random: Random, first: boolean): readonly number[] {
  if (first) return [1, 3, 2, 2];
  return [
    1,
    pick(random, channels),
    ...(random.int(4) === 0 ? [pick(random, sides) * pick(random, sides)] : [pick(random, sides), pick(random, sides)]),
  ];
}

const unary =
  (op: string, attrs: Readonly<Record<string, number>> = {}): Recipe =>
  (random, first) => ({ input: image(random, first), make: (net) => net.one(op, [net.input], attrs) });

const binary =
  (op: string): Recipe =>
  (random, first) => {
    const input = image(random, first);
    const kind = random.int(4);
    const other = kind === 0 ? [] : kind === 1 ? [input[1] ?? 1, ...input.slice(2).map(() => 1)] : input;
    return {
      input,
      make: (net) =>
        kind === 3
          ? net.one(op, [net.input, net.one("math.relu", [net.input])])
          : net.one(op, [net.input, net.constant(other, () => 1.25)]),
    };
  };

const choice: Recipe = (random, first) => {
  const input = image(random, first);
  return { input, make: (net) => net.one("math.where", [net.one("math.greater", [net.input, net.scalar(0)]), net.input, net.scalar(0)]) };
};

const softmax =
  (op: string): Recipe =>
  (random, first) => {
    const input = first
      ? [1, 4]
      : [pick(random, [1, 4, 16, 64]), pick(random, widths), ...(random.int(3) === 0 ? [pick(random, sides)] : [])];
    return { input, make: (net) => net.one(op, [net.input], { axis: 1 }) };
  };

const reduce =
  (op: string): Recipe =>
  (random, first) => {
    const input = image(random, first);
    const axes = pick(random, [[1], input.slice(2).map((_, i) => i + 2), [input.length - 1]]);
    return { input, make: (net) => net.one(op, [net.input], { axes, keepdims: true }) };
  };

const transpose: Recipe = (random) => {
  const input = [pick(random, [1, 2, 4]), pick(random, channels), pick(random, sides), pick(random, channels)];
  const perm = pick(random, [
    [0, 2, 3, 1],
    [0, 3, 1, 2],
    [0, 2, 1, 3],
    [0, 1, 3, 2],
  ]);
  return { input, make: (net) => net.one("shape.transpose", [net.input], { perm }) };
};

const concat: Recipe = (random, first) => {
  const input = image(random, first);
  const axis = pick(random, [1, 1, input.length - 1]);
  return { input, make: (net) => net.one("shape.concat", [net.input, net.one("math.relu", [net.input])], { axis }) };
};

const slice: Recipe = (random) => {
  const input = [1, pick(random, channels.slice(3)), pick(random, sides.slice(4)), pick(random, sides.slice(4))];
  const axis = pick(random, [1, 2, 3]);
  const step = pick(random, [1, 1, 2]);
  return {
    input,
    make: (net) =>
      net.one("shape.slice", [net.input], { axes: [axis], starts: [0], ends: [Math.max(1, (input[axis] ?? 2) >> 1)], steps: [step] }),
  };
};

const pad: Recipe = (random) => {
  const input = [1, pick(random, channels), pick(random, sides), pick(random, sides)];
  const by = pick(random, [1, 2, 3]);
  return { input, make: (net) => net.one("shape.pad", [net.input], { before: [0, 0, by, by], after: [0, 0, by, by] }) };
};

const broadcast: Recipe = (random) => {
  const [ins, side] = [pick(random, channels), pick(random, sides)];
  const input = pick(random, [
    [1, ins, 1, 1],
    [1, ins, side, 1],
    [1, 1, side, side],
  ]);
  return { input, make: (net) => net.one("shape.broadcast", [net.input], { shape: [1, ins, side, side] }) };
};

const gather: Recipe = (random) => {
  const [rows, width, count] = [pick(random, widths), pick(random, widths.slice(0, 20)), pick(random, [1, 4, 16, 64, 256])];
  return {
    input: [rows, width],
    make: (net) => net.one("shape.gather", [net.input, net.indices(Array.from({ length: count }, (_, i) => (i * 7) % rows))], { axis: 0 }),
  };
};

/** Layers whose weights together take `megabytes`: what a step takes when the rest of the run has emptied the caches. */
const stack =
  (kind: "linear" | "conv", megabytes: number): Recipe =>
  (random) => ({
    stack: true,
    macs: megabytes * (kind === "linear" ? 1e6 : 2.5e7),
    input: kind === "linear" ? [pick(random, [1, 4, 32]), 512] : [1, 64, 10, 10],
    make(net) {
      let x: ValueId = net.input;
      for (let bytes = 0; bytes < megabytes * 1e6; ) {
        const outs = pick(random, kind === "linear" ? [256, 512, 1000, 2048] : [64, 128, 192, 256, 384, 512]);
        const ins = net.shape(x)[1] ?? 1;
        const kernel = kind === "linear" ? 1 : pick(random, [1, 3, 3]);
        bytes += ins * outs * kernel ** 2 * 4;
        x = kind === "linear" ? net.linear(x, outs, "relu") : net.conv(x, outs, kernel, { activation: "relu" });
      }
      return x;
    },
  });

/** Convolutions behind each other, some with a depthwise one between, a sum over two branches, or a pool: a graph engine keeps its own layout from the first to the last. */
const convChain: Recipe = (random) => {
  const [ins, side] = [pick(random, [1, 3, 3, 16, 32]), pick(random, [8, 12, 16, 20, 28, 32, 40, 56])];
  return {
    input: [1, ins, side, side],
    make(net) {
      let x: ValueId = net.conv(net.input, pick(random, [8, 16, 24, 32]), 3, { stride: pick(random, [1, 2]), activation: "relu" });
      for (let left = 2 + random.int(7), macs = 0; left > 0 && macs < mostMacs; left--) {
        const [, channels = 1, h = 1] = net.shape(x);
        const kind = random.int(6);
        const outs = Math.min(512, pick(random, [channels, channels, channels * 2, Math.max(8, channels >> 1), 24, 40]));
        if (kind < 2) x = net.conv(x, outs, pick(random, [1, 1, 3, 5]), { activation: pick(random, ["relu", "none"]) });
        else if (kind === 2)
          x = net.depthwise(x, pick(random, [3, 3, 5]), { stride: h > 4 ? pick(random, [1, 1, 2]) : 1, activation: "relu" });
        else if (kind === 3) x = net.one("math.relu", [net.one("math.add", [x, net.conv(x, channels, 3)])]);
        else if (kind === 4 && h > 3) x = net.one(pick(random, ["nn.max_pool", "nn.avg_pool"]), [x], { kernel: [2, 2], stride: [2, 2] });
        else x = net.conv(net.conv(x, outs, 1, { activation: "relu" }), outs, 3, { stride: h > 4 ? 2 : 1, activation: "relu" });
        macs += outs * channels * h * h * 9;
      }
      return random.int(2) === 0 ? x : net.one("reduce.mean", [x], { axes: [2, 3], keepdims: false });
    },
  };
};

/** Products with small ops between. */
const linearChain: Recipe = (random) => {
  const [rows, width] = [pick(random, [1, 1, 4, 16, 50, 64, 128]), pick(random, [32, 64, 100, 128, 200, 256, 384])];
  return {
    input: [rows, width],
    make(net) {
      let x: ValueId = net.input;
      for (let left = 2 + random.int(5); left > 0; left--) {
        x = net.linear(x, pick(random, [32, 64, 96, 128, 256, 400, 512]), pick(random, ["none", "relu"]));
        const kind = random.int(6);
        if (kind === 0) x = net.one("math.tanh", [x]);
        else if (kind === 1) x = net.one("math.mul", [x, net.one("math.sigmoid", [x])]);
        else if (kind === 2) x = net.one("math.softmax", [x], { axis: 1 });
        else if (kind === 3) x = net.one("math.sub", [x, net.one("reduce.mean", [x], { axes: [1], keepdims: true })]);
        else if (kind === 4) x = net.one("math.add", [x, net.one("math.erf", [x])]);
      }
      return x;
    },
  };
};

const unaries = ["relu", "sigmoid", "tanh", "exp", "log", "erf", "sqrt", "abs", "neg", "reciprocal"] as const;

const recipes: readonly (readonly [kind: string, count: number, recipe: Recipe])[] = [
  ["conv", 130, conv],
  ["conv 1-d", 24, conv1d],
  ["conv of a batch", 16, batchedConv],
  ["depthwise", 48, depthwise],
  ["int8 conv", 60, byteConv],
  ["int8 depthwise", 20, byteDepthwise],
  ["int8 linear", 24, byteLinear],
  ["int8 add", 10, byteAdd],
  ["int8 pool", 16, bytePool],
  ["int8 mean", 8, byteMean],
  ["linear", 60, linear],
  ["matmul", 36, matmul],
  ["pool", 40, pool],
  ...unaries.map((name) => [name, 8, unary(`math.${name}`)] as const),
  ["clip", 8, unary("math.clip", { min: 0, max: 6 })],
  ["leaky relu", 8, unary("math.leaky_relu", { alpha: 0.1 })],
  ...["add", "sub", "mul", "div", "min", "max"].map((name) => [name, 14, binary(`math.${name}`)] as const),
  ["pow", 8, binary("math.pow")],
  ["where", 10, choice],
  ["softmax", 16, softmax("math.softmax")],
  ["log softmax", 10, softmax("math.log_softmax")],
  ...["sum", "mean", "max"].map((name) => [`reduce ${name}`, 14, reduce(`reduce.${name}`)] as const),
  ["transpose", 24, transpose],
  ["concat", 14, concat],
  ["slice", 14, slice],
  ["pad", 12, pad],
  ["broadcast", 10, broadcast],
  ["gather", 10, gather],
  ...[2, 6, 12, 24, 48].flatMap((megabytes) => [
    [`linear stack ${megabytes} MB`, 1, stack("linear", megabytes)] as const,
    [`conv stack ${megabytes} MB`, 1, stack("conv", megabytes)] as const,
  ]),
];

/** For engines that see the graph: chains, and fewer convolutions alone, whose time is mostly that of changing the layout. */
const graphRecipes: typeof recipes = [
  ["conv chain", 150, convChain],
  ["linear chain", 80, linearChain],
  ...recipes.map(([kind, count, recipe]) => [kind, /^(conv|depthwise)/.test(kind) && count > 1 ? count >> 2 : count, recipe] as const),
];

/** In an order that is the same everywhere; kinds are interleaved, so that a slow minute falls on all of them. */
export function calibrationCases(registry: OpRegistry, seed = 1): readonly CalibrationCase[] {
  return casesOf(recipes, registry, seed);
}

export function graphCases(registry: OpRegistry, seed = 1): readonly CalibrationCase[] {
  return casesOf(graphRecipes, registry, seed);
}

function casesOf(
  recipes: readonly (readonly [kind: string, count: number, recipe: Recipe])[],
  registry: OpRegistry,
  seed: number,
): readonly CalibrationCase[] {
  const cases = recipes.flatMap(([kind, count, recipe], at) =>
    Array.from({ length: count }, (_, i) => ({ kind, place: (i + 0.5) / count, index: i, recipe, at })),
  );
  return cases
    .sort((a, b) => a.place - b.place || a.at - b.at)
    .map(({ kind, index, recipe, at }) => {
      const chosen = chosenSizes(recipe, new Random(seed, at, index), index === 0);
      const build = () => {
        const net = new Net(kind, registry, chosen.input, index + 1);
        return net.finish(chosen.make(net));
      };
      return { name: `${kind} ${index}`, macs: chosen.macs ?? chosen.input.reduce((n, d) => n * d, 1), build };
    });
}

/** Drawn again until they are small enough. */
function chosenSizes(recipe: Recipe, random: Random, first: boolean): ReturnType<Recipe> {
  let chosen = recipe(random, first);
  for (let tries = 0; (chosen.macs ?? 0) > mostMacs && !chosen.stack && tries < 100; tries++) chosen = recipe(random, false);
  return chosen;
}
