/** @file Channel groups: which channels must go together in each structure, what is fixed and why, and that removing any group agrees with setting it to zero. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ChannelGroups, channelGroupsOf, interpret, verifyModule } from "../../compiler/index.ts";
import { Random } from "../../compiler/random/random.ts";
import { type HostTensor, hostTensor, type Module, mainFunction, toNumbers } from "../../ir-spec/index.ts";
import { Cut } from "../../plugins/prune/cut.ts";
import { applyCut, planCut, zeroChannels } from "../../plugins/prune/remove-channels.ts";
import { readBody, registry } from "../passes/support.ts";
import { withValues } from "./support.ts";

/** The module with seeded normal weights in every f32 constant that is written as `splat 1.0`. */
function filled(body: string): Module {
  const random = new Random(7);
  let module = readBody(body);
  for (const constant of [...module.constants.values()]) {
    if (constant.type.dtype !== "f32" || constant.kind !== "data" || constant.storage.kind !== "splat") continue;
    const count = constant.type.shape.reduce<number>((n, dim) => n * Number(dim), 1);
    module = withValues(
      module,
      constant.name,
      Float32Array.from({ length: count }, () => random.normal() * 0.3),
    );
  }
  return module;
}

/** `@w[0]: 1 2` for every constant in a group. */
function constantsIn({ groups }: ChannelGroups): readonly string[] {
  return groups.map(({ members }) =>
    members
      .filter(({ place }) => place.startsWith("@"))
      .map(({ place, axis, indices }) => `${place}[${axis}]:${indices.join(",")}`)
      .join(" "),
  );
}

function answers(module: Module): readonly HostTensor[] {
  const main = mainFunction(module);
  const random = new Random(3);
  const inputs = Object.fromEntries(
    main.params.map((id) => {
      const { name, type } = main.values[id] as (typeof main.values)[number];
      const shape = type.shape.map((dim) => (typeof dim === "number" ? dim : 2));
      return [
        name ?? "",
        hostTensor(
          "f32",
          shape,
          Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => random.normal()),
        ),
      ];
    }),
  );
  const { outputs } = interpret(module, registry, inputs);
  return main.results.map(({ name }) => outputs[name] as HostTensor);
}

/** Removes each group alone, and every second one together; the answers are those of the zeroed module. */
function checkRemoval(module: Module): void {
  const channels = channelGroupsOf(module, registry);
  const sets = [...channels.groups.map((group) => [group]), channels.groups.filter((_, i) => i % 2 === 0)];
  for (const groups of sets) {
    const cut = new Cut(groups);
    const plan = planCut(module, registry, channels, cut);
    if (!plan.ok) throw new Error(plan.refusal.reason);
    const removed = applyCut(module, registry, cut, plan.attrs);
    assert.equal(verifyModule(removed, registry), []);
    const zero = answers(zeroChannels(module, registry, channels, cut));
    answers(removed).forEach((result, i) => {
      const [now, wanted] = [toNumbers(result), toNumbers(zero[i] as HostTensor)];
      assert.equal(result.shape, zero[i]?.shape);
      for (const [k, value] of now.entries()) assert.ok(Math.abs(value - (wanted[k] as number)) < 1e-5, `${value} ${wanted[k]}`);
    });
  }
}

interface Structure {
  readonly name: string;
  readonly body: string;
  /** Constants of the first group, and how many groups there are. */
  readonly first: string;
  readonly count: number;
}

const head = `  const @o : tensor<2x4x1x1xf32> = splat 1.0`;
const structures: readonly Structure[] = [
  {
    name: "linear chain: filters, biases and the columns that read them",
    body: `  func @main(%x: tensor<Nx3xf32>) -> (y: tensor<Nx2xf32>) {
    %h = nn.linear(%x, @a, @b) {activation = relu}
    %y = nn.linear(%h, @c, _)
    return %y
  }
  const @a : tensor<4x3xf32> = splat 1.0
  const @b : tensor<4xf32> = splat 1.0
  const @c : tensor<2x4xf32> = splat 1.0`,
    first: "@a[0]:0 @b[0]:0 @c[1]:0",
    count: 4,
  },
  {
    name: "product by a constant, and one by its transpose",
    body: `  func @main(%x: tensor<Nx3xf32>) -> (y: tensor<Nx3xf32>) {
    %h = nn.matmul(%x, @a)
    %r = math.relu(%h)
    %y = nn.linear(%r, @a, _)
    return %y
  }
  const @a : tensor<3x4xf32> = splat 1.0`,
    first: "@a[1]:0",
    count: 4,
  },
  {
    name: "residual: both summands and the reader",
    body: `  func @main(%x: tensor<Nx3x5x5xf32>) -> (y: tensor<Nx2x5x5xf32>) {
    %a = nn.conv(%x, @a, @b) {activation = relu}
    %c = nn.conv(%a, @c, _) {pad = [1, 1, 1, 1]}
    %s = math.add(%c, %a)
    %y = nn.conv(%s, @o, _)
    return %y
  }
  const @a : tensor<4x3x1x1xf32> = splat 1.0
  const @b : tensor<4xf32> = splat 1.0
  const @c : tensor<4x4x3x3xf32> = splat 1.0
${head}`,
    first: "@a[0]:0 @b[0]:0 @c[0]:0 @c[1]:0 @o[1]:0",
    count: 4,
  },
  {
    name: "batch norm and a depthwise convolution, whose groups become fewer",
    body: `  func @main(%x: tensor<Nx3x5x5xf32>) -> (y: tensor<Nx2x5x5xf32>) {
    %a = nn.conv(%x, @a, _)
    %n = nn.batch_norm(%a, @s, @b, @m, @v)
    %d = nn.conv(%n, @d, @e) {pad = [1, 1, 1, 1], groups = 4, activation = relu}
    %y = nn.conv(%d, @o, _)
    return %y
  }
  const @a : tensor<4x3x1x1xf32> = splat 1.0
  const @s : tensor<4xf32> = splat 1.0
  const @b : tensor<4xf32> = splat 1.0
  const @m : tensor<4xf32> = splat 0.25
  const @v : tensor<4xf32> = [0.5, 0.6, 0.7, 2.0]
  const @d : tensor<4x1x3x3xf32> = splat 1.0
  const @e : tensor<4xf32> = splat 1.0
${head}`,
    first: "@a[0]:0 @s[0]:0 @b[0]:0 @m[0]:0 @v[0]:0 @d[0]:0 @e[0]:0 @o[1]:0",
    count: 4,
  },
  {
    name: "concatenation: each operand at its offset",
    body: `  func @main(%x: tensor<Nx3x5x5xf32>) -> (y: tensor<Nx2x5x5xf32>) {
    %a = nn.conv(%x, @a, _)
    %b = nn.conv(%x, @b, _)
    %c = shape.concat(%a, %b) {axis = 1}
    %y = nn.conv(%c, @o, _)
    return %y
  }
  const @a : tensor<1x3x1x1xf32> = splat 1.0
  const @b : tensor<3x3x1x1xf32> = splat 1.0
${head}`,
    first: "@b[0]:0 @o[1]:1",
    count: 3,
  },
  {
    name: "split: slices, each with a reader of its own",
    body: `  func @main(%x: tensor<Nx3x5x5xf32>) -> (y: tensor<Nx2x5x5xf32>) {
    %a = nn.conv(%x, @a, _)
    %l = shape.slice(%a) {starts = [0], ends = [4], axes = [1]}
    %r = shape.slice(%a) {starts = [4], ends = [6], axes = [1]}
    %p = nn.conv(%l, @o, _)
    %q = nn.conv(%r, @q, _)
    %y = math.add(%p, %q)
    return %y
  }
  const @a : tensor<6x3x1x1xf32> = splat 1.0
  const @q : tensor<2x2x1x1xf32> = splat 1.0
${head}`,
    first: "@a[0]:0 @o[1]:0",
    count: 6,
  },
  {
    name: "flatten: a channel is a run of columns",
    body: `  func @main(%x: tensor<Nx3x2x2xf32>) -> (y: tensor<Nx2xf32>) {
    %a = nn.conv(%x, @a, _) {activation = relu}
    %p = nn.max_pool(%a) {kernel = [2, 1], stride = [2, 1]}
    %f = shape.reshape(%p) {shape = [0, -1]}
    %y = nn.linear(%f, @c, _)
    return %y
  }
  const @a : tensor<4x3x1x1xf32> = splat 1.0
  const @c : tensor<2x8xf32> = splat 1.0`,
    first: "@a[0]:0 @c[1]:0,1",
    count: 4,
  },
  {
    name: "channel shuffle: the channels that come to the same place in each half",
    body: `  func @main(%x: tensor<Nx3x5x5xf32>) -> (y: tensor<Nx2x5x5xf32>) {
    %a = nn.conv(%x, @a, _)
    %1 = shape.reshape(%a) {shape = [0, 2, 4, 5, 5]}
    %2 = shape.transpose(%1) {perm = [0, 2, 1, 3, 4]}
    %3 = shape.reshape(%2) {shape = [0, 8, 5, 5]}
    %d = nn.conv(%3, @d, _) {groups = 8, pad = [1, 1, 1, 1]}
    %y = nn.conv(%d, @q, _)
    return %y
  }
  const @a : tensor<8x3x1x1xf32> = splat 1.0
  const @d : tensor<8x1x3x3xf32> = splat 1.0
  const @q : tensor<2x8x1x1xf32> = splat 1.0`,
    first: "@a[0]:0,4 @d[0]:0,1 @q[1]:0,1",
    count: 4,
  },
  {
    name: "gate: a squeeze and its scale per channel",
    body: `  func @main(%x: tensor<Nx3x5x5xf32>) -> (y: tensor<Nx2x5x5xf32>) {
    %a = nn.conv(%x, @a, _)
    %m = reduce.mean(%a) {axes = [2, 3], keepdims = true}
    %g = nn.conv(%m, @g, @b)
    %h = math.sigmoid(%g)
    %s = math.mul(%a, %h)
    %y = nn.conv(%s, @o, _)
    return %y
  }
  const @a : tensor<4x3x1x1xf32> = splat 1.0
  const @g : tensor<4x4x1x1xf32> = splat 1.0
  const @b : tensor<4xf32> = splat 1.0
${head}`,
    first: "@a[0]:0 @g[0]:0 @g[1]:0 @b[0]:0 @o[1]:0",
    count: 4,
  },
  {
    name: "attention: query and key channels, and value channels, by name of the summed axis",
    body: `  func @main(%x: tensor<Nx5x3xf32>) -> (y: tensor<Nx5x2xf32>) {
    %q = nn.linear(%x, @q, _)
    %k = nn.linear(%x, @k, _)
    %v = nn.linear(%x, @v, _)
    %t = shape.transpose(%k) {perm = [0, 2, 1]}
    %s = nn.matmul(%q, %t)
    %p = math.softmax(%s) {axis = 2}
    %z = nn.matmul(%p, %v)
    %y = nn.linear(%z, @w, _)
    return %y
  }
  const @q : tensor<4x3xf32> = splat 1.0
  const @k : tensor<4x3xf32> = splat 1.0
  const @v : tensor<6x3xf32> = splat 1.0
  const @w : tensor<2x6xf32> = splat 1.0`,
    first: "@q[0]:0 @k[0]:0",
    count: 10,
  },
  {
    name: "a definition is cut like a layer: scales and codes of a quantized weight, a transposed one",
    body: `  func @main(%x: tensor<Nx3xf32>) -> (y: tensor<Nx2xf32>) {
    %h = nn.linear(%x, @a, _)
    %y = nn.linear(%h, @c, _)
    return %y
  }
  const @a : tensor<4x3xf32> = quant.dequantize(@a.q, @a.s, _) {axis = 0}
    const @a.q : tensor<4x3xi8> = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    const @a.s : tensor<4xf32> = [0.1, 0.2, 0.3, 0.4]
  const @c : tensor<2x4xf32> = shape.transpose(@c.t) {perm = [1, 0]}
    const @c.t : tensor<4x2xf32> = splat 1.0`,
    first: "@a[0]:0 @c[1]:0 @a.q[0]:0 @a.s[0]:0 @c.t[0]:0",
    count: 4,
  },
];

for (const { name, body, first, count } of structures) {
  test(`${name}`, () => {
    const module = filled(body);
    const groups = constantsIn(channelGroupsOf(module, registry));
    assert.is(groups.length, count, groups.join("\n"));
    assert.equal(new Set(groups[0]?.split(" ")), new Set(first.split(" ")));
  });
}

for (const { name, body } of structures.filter((s) => !s.name.startsWith("a definition")))
  test(`removed and zeroed agree: ${name}`, () => checkRemoval(filled(body)));

test("a quantized weight loses its codes and scales, and gives what stays of it", () => {
  const module = filled((structures.at(-1) as Structure).body);
  const channels = channelGroupsOf(module, registry);
  const cut = new Cut(channels.groups.slice(1, 3));
  const plan = planCut(module, registry, channels, cut);
  assert.ok(plan.ok);
  const removed = plan.ok ? applyCut(module, registry, cut, plan.attrs) : module;
  assert.equal(removed.constants.get("a")?.type.shape, [2, 3]);
  assert.equal(removed.constants.get("a.q")?.type.shape, [2, 3]);
  assert.equal(removed.constants.get("c.t")?.type.shape, [2, 2]);
});

const fixedCases: readonly (readonly [string, string, RegExp])[] = [
  [
    "channels that are inputs and results",
    `  func @main(%x: tensor<Nx3xf32>) -> (y: tensor<Nx2xf32>) {
    %y = nn.linear(%x, @a, _)
    return %y
  }
  const @a : tensor<2x3xf32> = splat 1.0`,
    /input of @main|result of @main/,
  ],
  [
    "a softmax over the channels",
    `  func @main(%x: tensor<Nx3xf32>) -> (y: tensor<Nx2xf32>) {
    %h = nn.linear(%x, @a, _)
    %s = math.softmax(%h) {axis = 1}
    %y = nn.linear(%s, @b, _)
    return %y
  }
  const @a : tensor<4x3xf32> = splat 1.0
  const @b : tensor<2x4xf32> = splat 1.0`,
    /sums to 1/,
  ],
  [
    "a mean over the channels",
    `  func @main(%x: tensor<Nx3xf32>) -> (y: tensor<Nxf32>) {
    %h = nn.linear(%x, @a, _)
    %y = reduce.mean(%h) {axes = [1]}
    return %y
  }
  const @a : tensor<4x3xf32> = splat 1.0`,
    /as a whole/,
  ],
  [
    "a recurrent layer, whose record has no maps",
    `  func @main(%x: tensor<5xNx3xf32>) -> (y: tensor<5xNx4xf32>) {
    %h = nn.linear(%x, @a, _)
    %y, %l = nn.gru(%h, @w, @r, _)
    return %y
  }
  const @a : tensor<6x3xf32> = splat 1.0
  const @w : tensor<12x6xf32> = splat 1.0
  const @r : tensor<12x4xf32> = splat 1.0`,
    /nn\.gru reads axis/,
  ],
  [
    "a carried state",
    `  func @main(%x: tensor<Nx3xf32>, %h: tensor<Nx4xf32>) -> (y: tensor<Nx4xf32>, g: tensor<Nx4xf32>) carry (%h -> g) {
    %a = nn.linear(%x, @a, _)
    %g = math.add(%a, %h)
    return %g, %g
  }
  const @a : tensor<4x3xf32> = splat 1.0`,
    /input of @main|result of @main/,
  ],
  [
    "a function of another, called by a loop or a branch",
    `  func @main(%x: tensor<Nx3xf32>, %c: tensor<bool>) -> (y: tensor<Nx2xf32>) {
    %h = nn.linear(%x, @a, _)
    %s = control.if(%c, %h) {then = @f, else = @f}
    %y = nn.linear(%s, @b, _)
    return %y
  }
  func @f(%x: tensor<Nx4xf32>) -> (y: tensor<Nx4xf32>) {
    %y = math.relu(%x)
    return %y
  }
  const @a : tensor<4x3xf32> = splat 1.0
  const @b : tensor<2x4xf32> = splat 1.0`,
    /control\.if/,
  ],
];

for (const [name, body, reason] of fixedCases) {
  test(`fixed: ${name}`, () => {
    const { groups, fixed } = channelGroupsOf(readBody(body), registry);
    assert.is(groups.length, 0, constantsIn({ groups, fixed, sites: [] }).join("\n"));
    const mine = fixed.filter(({ place }) => place === "@a");
    assert.is(mine.length, 2);
    assert.ok(
      mine.some((entry) => reason.test(entry.reason)),
      mine.map((entry) => entry.reason).join("; "),
    );
  });
}

test("a grouped convolution with several channels a group keeps its input; a group that is uneven is refused", () => {
  const module = filled(`  func @main(%x: tensor<Nx3x5x5xf32>) -> (y: tensor<Nx2x5x5xf32>) {
    %a = nn.conv(%x, @a, _)
    %g = nn.conv(%a, @g, _) {groups = 2}
    %y = nn.conv(%g, @o, _)
    return %y
  }
  const @a : tensor<6x3x1x1xf32> = splat 1.0
  const @g : tensor<4x3x1x1xf32> = splat 1.0
${head}`);
  const { groups, fixed } = channelGroupsOf(module, registry);
  assert.equal(groups, []);
  assert.ok(fixed.some(({ place, reason }) => place === "@g" && /group 0 keeps 1 output channels, group 1 keeps 2/.test(reason)));
});

test.run();
