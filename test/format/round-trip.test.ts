/** @file Module -> file -> module: equal in everything, the same input gives the same bytes, and equal data is stored once. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { WeightEncoder } from "../../compiler/emit/codec.ts";
import { describeFile } from "../../compiler/emit/describe-file.ts";
import { type BuildInfo, emitFile } from "../../compiler/emit/emit.ts";
import { readSource } from "../../compiler/emit/read-source.ts";
import {
  type Attr,
  attr,
  type Dim,
  dataConstant,
  dimAdd,
  dimCeilDiv,
  dimDiv,
  dimMax,
  dimMin,
  dimMod,
  dimMul,
  dimSymbol,
  type Module,
  tensorType,
} from "../../ir-spec/index.ts";
import { everythingModule, f32Constant, op, smallModule, smallPlan } from "./fixtures.ts";
import { moduleText } from "./module-text.ts";

const build: BuildInfo = { tersor: "0.1.0", pipeline: "" };
const emitSource = (source: Module): Uint8Array => emitFile({ source, plans: [], build });

test("the small network and a module with every feature come back equal", () => {
  for (const module of [smallModule(), everythingModule()]) {
    assert.is(moduleText(readSource(emitSource(module))), moduleText(module));
  }
});

test("plain metadata reads the same as packed", () => {
  const source = everythingModule();
  const plain = emitFile({ source, plans: [], build, metadata: "plain" });
  assert.is(describeFile(plain).metadata.packed, false);
  assert.is(describeFile(emitSource(source)).metadata.packed, true);
  assert.is(moduleText(readSource(plain)), moduleText(source));
});

test("the same input gives the same bytes", () => {
  const emit = () => emitFile({ source: smallModule(), plans: [{ target: "t", module: smallPlan() }], build });
  assert.equal(emit(), emit());
});

test("values numbered in another order are renumbered", () => {
  const module = smallModule();
  const main = module.functions.get("main");
  assert.ok(main);
  const [x, hidden, y] = main.values;
  assert.ok(x && hidden && y);
  const ops = [op("nn.linear", [2, "fc.w", "fc.b"], {}, [0], { loc: main.ops[0]?.loc ?? [] }), op("math.relu", [0], {}, [1])];
  const shuffled = { ...main, values: [hidden, y, x], params: [2], ops, returns: [1] };
  const emitted = emitSource({ ...module, functions: new Map([["main", shuffled]]) });
  assert.equal(emitted, emitSource(module));
});

test("resources and random constants come back as bytes", () => {
  const module = smallModule();
  const base = { kind: "data", type: tensorType("u8", [3]), doc: null, loc: [] } as const;
  const resource = { name: "weights", path: "w.bin", attrs: new Map(), doc: null, bytes: Uint8Array.of(9, 1, 2, 3, 9) };
  const constants = new Map(module.constants)
    .set("r", { ...base, name: "r", storage: { kind: "resource", resource: "weights", offset: 1, length: 3 } })
    .set("s", { ...base, name: "s", storage: { kind: "random", seed: 7 } });
  const back = readSource(emitSource({ ...module, constants, resources: new Map([["weights", resource]]) }));
  const storage = (name: string) => {
    const constant = back.constants.get(name);
    return constant?.kind === "data" ? constant.storage : undefined;
  };
  assert.equal(storage("r"), { kind: "bytes", bytes: Uint8Array.of(1, 2, 3) });
  assert.is(storage("s")?.kind, "bytes");
  assert.is(back.resources.size, 0);
});

test("elided bytes cannot be emitted", () => {
  const module = smallModule();
  const elided = {
    kind: "data",
    name: "fc.b",
    type: tensorType("f32", [2]),
    storage: { kind: "elided", sha256: "00", length: 8 },
    doc: null,
    loc: [],
  } as const;
  assert.throws(() => emitSource({ ...module, constants: new Map(module.constants).set("fc.b", elided) }), /E0502/);
});

test("equal data is one section, for the source, for plans, for every name", () => {
  const module = smallModule();
  const twin = { ...f32Constant("twin", [2, 2], [-1, 0.5, 1, 2]) };
  const source = { ...module, constants: new Map(module.constants).set("twin", twin) };
  const plans = ["a", "b"].map((target) => ({ target, module: smallPlan() }));
  const { sections } = describeFile(emitFile({ source, plans, build }));
  assert.equal(sections.map((s) => s.constants.map((c) => c.name).sort()).sort(), [["fc.b"], ["fc.w.codes"], ["fc.w.table", "twin"]]);
});

test("a plan's constant that was materialized stands beside the source's definition of that name", () => {
  const plan = smallPlan();
  const init = plan.functions.get("init");
  const main = plan.functions.get("main");
  assert.ok(init && main);
  const eager = {
    ...plan,
    constants: new Map(plan.constants).set("fc.w", f32Constant("fc.w", [2, 3], [-1, 0.5, 1, 2, 0.5, 1])),
    functions: new Map([
      ["init", { ...init, values: [], results: [], returns: [], ops: [] }],
      [
        "main",
        {
          ...main,
          params: [0],
          values: main.values.filter((_, i) => i !== 1),
          ops: [op("rt.kernel", [0, "fc.w", "fc.b"], { kernel: attr.string("linear") }, [1])],
          returns: [1],
        },
      ],
    ]),
  };
  const bytes = emitFile({ source: smallModule(), plans: [{ target: "t", module: eager }], build });
  assert.is(moduleText(readSource(bytes)), moduleText(smallModule()));
  assert.ok(describeFile(bytes).sections.some((s) => s.constants.some((c) => c.name === "fc.w")));
});

test("large data is raw, aligned and the file's own bytes; zeros are a splat", () => {
  const module = smallModule();
  const large = Uint8Array.from({ length: 4096 }, (_, i) => (i * 7919) >> 3);
  const constants = new Map(module.constants)
    .set("large", dataConstant("large", tensorType("u8", [4096]), large))
    .set("zeros", dataConstant("zeros", tensorType("f32", [1000, 1000]), new Uint8Array(4_000_000)));
  const bytes = emitSource({ ...module, constants });
  const { sections } = describeFile(bytes);
  const raw = sections.find((s) => s.codec === "raw");
  assert.is((raw?.offset ?? 1) % 16, 0);
  assert.equal(bytes.slice(raw?.offset, (raw?.offset ?? 0) + 4096), large);
  assert.is(sections.find((s) => s.rawBytes === 4_000_000)?.storedBytes, 1);
  assert.ok(bytes.length < 6000);
});

const symbol = fc.constantFrom("N", "H", "W_2").map((name): Dim => dimSymbol(name));
const { dim } = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { maxDepth: 4 },
    symbol,
    fc.integer({ min: -(2 ** 33), max: 2 ** 33 }).map((n): Dim => n),
    fc.tuple(fc.constantFrom(dimAdd, dimMul, dimMin, dimMax), tie("dim"), tie("dim")).map(([make, a, b]) => orZero(() => make(a, b))),
    fc.tuple(fc.constantFrom(dimDiv, dimMod, dimCeilDiv), tie("dim"), tie("dim")).map(([make, a, b]) => orZero(() => make(a, b))),
  ),
}));

/** Overflow and division by zero have no dim. */
function orZero(make: () => Dim): Dim {
  try {
    return make();
  } catch {
    return 0;
  }
}

const text = fc.string({ unit: "binary" });
const { value } = fc.letrec<{ value: Attr }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map((v) => attr.int(v)),
    fc.maxSafeInteger().map((v) => attr.int(v)),
    fc.double().map((v) => attr.float(v)),
    fc.bigInt({ min: 0x7ff0000000000001n, max: 0x7fffffffffffffffn }).map((bits): Attr => ({ kind: "float", value: Number.NaN, bits })),
    text.map((v) => attr.string(v)),
    text.map((v) => attr.enum(v)),
    dim.map((v) => attr.dim(v)),
    fc.array(dim, { maxLength: 4 }).map((shape) => attr.type(tensorType("i4", shape))),
    fc.array(tie("value"), { maxLength: 4 }).map((v) => attr.list(v)),
    fc.dictionary(text, tie("value"), { maxKeys: 4 }).map((v) => attr.dict(v)),
  ),
}));

test("random attributes, dims and names come back equal", () => {
  const attrs = fc.array(fc.tuple(text, value), { maxLength: 6 }).map((entries) => new Map(entries));
  fc.assert(
    fc.property(attrs, text, text, (meta, name, doc) => {
      const module = { ...smallModule(), meta, name, doc };
      assert.is(moduleText(readSource(emitSource(module))), moduleText(module));
    }),
    { numRuns: 300, seed: 20 },
  );
});

test("text that is no Unicode, integers of 65 bits and absent constants are refused by code", () => {
  const module = smallModule();
  const main = module.functions.get("main");
  assert.ok(main);
  assert.throws(() => emitSource({ ...module, name: "a\ud800" }), /E0902/);
  assert.throws(() => emitSource({ ...module, meta: new Map([["x", attr.int(2n ** 64n)]]) }), /E0904/);
  const broken = { ...main, ops: [op("nn.linear", [0, "gone"], {}, [1]), op("math.relu", [1], {}, [2])] };
  assert.throws(() => emitSource({ ...module, functions: new Map([["main", broken]]) }), /E0204/);
  assert.throws(() => emitFile({ plans: [], build }), /E0901/);
  assert.throws(() => emitFile({ source: module, plans: [{ target: "reference", module: smallPlan() }], build }), /E0901/);
});

test("a codec that loses bits, or has no decoder, is refused", () => {
  const encode = () => ({ bytes: new Uint8Array(1), params: new Uint8Array(0) });
  const lossy = { id: "lossy", decode: ({ rawLength }: { readonly rawLength: number }) => new Uint8Array(rawLength) };
  const emit = (codec: WeightEncoder) => emitFile({ source: smallModule(), plans: [], build, codecs: [codec] });
  assert.throws(() => emit({ id: "lossy", encode, decoder: lossy }), /E0907/);
  assert.throws(() => emit({ id: "lossy", encode }), /E0905/);
});

test.run();
