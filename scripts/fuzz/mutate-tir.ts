/** @file Damage to the text form: to its tokens (removed, doubled, swapped, replaced by others of their kind or by extreme ones), to its lines, and to the raw bytes. */
import { mutateBytes } from "./mutate-bytes.ts";
import type { Mutated } from "./mutate-tsr.ts";
import type { FuzzRandom } from "./random.ts";

/** Types are split further than the lexer does, so that single sizes are hit. */
const tokenPattern = /\s+|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"?|[%@]?[A-Za-z_][A-Za-z0-9_.]*|[%@](?="|\d)|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[\s\S]/g;

export function mutateTir(file: Uint8Array, random: FuzzRandom, others: readonly Uint8Array[]): Mutated {
  if (random.chance(10)) return mutateBytes(file, random, others);
  const tokens = new TextDecoder().decode(file).match(tokenPattern) ?? [];
  const names = Array.from({ length: random.pick([1, 1, 1, 2, 2, 3, 5]) }, () => random.pick(weighted));
  for (const name of names) (mutations[name] as Mutation)(tokens, random, others);
  return { bytes: new TextEncoder().encode(tokens.join("")), how: names.join(", ") };
}

type Mutation = (tokens: string[], random: FuzzRandom, others: readonly Uint8Array[]) => void;

const mutations: Readonly<Record<string, Mutation>> = {
  "a number": (tokens, random) => replaceOne(tokens, random, isNumber, () => extremeNumber(random)),
  "a small number": (tokens, random) => replaceOne(tokens, random, isNumber, () => String(random.below(12) - (random.chance(20) ? 4 : 0))),
  "a number everywhere": (tokens, random) => {
    const places = placesOf(tokens, isNumber);
    if (places.length === 0) return;
    const old = tokens[random.pick(places)];
    const fresh = random.chance(60) ? String(random.below(12)) : extremeNumber(random);
    for (const at of places) if (tokens[at] === old) tokens[at] = fresh;
  },
  "a name": (tokens, random) => {
    const names = placesOf(tokens, isName);
    if (names.length === 0) return;
    const at = random.pick(names);
    const sigil = /^[%@]?/.exec(tokens[at] as string)?.[0] ?? "";
    const alike = names.filter(
      (other) => (tokens[other] as string).startsWith(sigil) && (sigil !== "" || /^[A-Za-z_]/.test(tokens[other] as string)),
    );
    tokens[at] = tokens[random.pick(alike)] as string;
  },
  "an op": (tokens, random) => {
    const ops = placesOf(tokens, (token) => /^[a-z]+\.[a-z_]+$/.test(token));
    if (ops.length > 0) tokens[random.pick(ops)] = random.chance(50) ? (tokens[random.pick(ops)] as string) : random.pick(opNames);
  },
  "a dtype": (tokens, random) =>
    replaceOne(
      tokens,
      random,
      (token) => /^x?(?:[fiu]\d+|bf16|bool)$/.test(token),
      (old) => `${old.startsWith("x") ? "x" : ""}${random.pick("f64 f32 f16 bf16 i64 i32 i8 i4 i2 u64 u8 u4 u2 u1 bool".split(" "))}`,
    ),
  "a token removed": (tokens, random) => void tokens.splice(random.below(tokens.length), random.pick([1, 1, 2, 5])),
  "a token doubled": (tokens, random) => {
    const at = random.below(tokens.length);
    tokens.splice(at, 0, ...tokens.slice(at, at + random.pick([1, 1, 3, 10])));
  },
  "two tokens swapped": (tokens, random) => {
    const [i, j] = [random.below(tokens.length), random.below(tokens.length)];
    [tokens[i], tokens[j]] = [tokens[j] ?? "", tokens[i] ?? ""];
  },
  "a token of another file": (tokens, random, others) => {
    const other = new TextDecoder().decode(random.pick(others)).match(tokenPattern) ?? [""];
    tokens.splice(random.below(tokens.length), random.below(2), random.pick(other));
  },
  "lines of another file": (tokens, random, others) => {
    const lines = new TextDecoder().decode(random.pick(others)).split("\n");
    const from = random.below(lines.length);
    const ends = placesOf(tokens, (token) => token.includes("\n"));
    tokens.splice(ends.length > 0 ? random.pick(ends) : 0, 0, `\n${lines.slice(from, from + 1 + random.below(5)).join("\n")}\n`);
  },
  "lines moved": (tokens, random) => {
    const lines = tokens.join("").split("\n");
    const [line = ""] = lines.splice(random.below(lines.length), 1);
    if (random.chance(70)) lines.splice(random.below(lines.length + 1), 0, line);
    tokens.splice(0, tokens.length, ...(lines.join("\n").match(tokenPattern) ?? []));
  },
  "something deep": (tokens, random) => {
    const count = random.pick([10, 150, 300, 5000]);
    const [open, close] = random.pick([
      ["[", "]"],
      ["{a = ", "}"],
      ["(", ")"],
      ["min(", ", 1)"],
      ["-", ""],
      ["1 + (", ")"],
      ["[", ""],
    ] as const);
    tokens.splice(random.below(tokens.length), random.below(2), `${open.repeat(count)}1${close.repeat(count)}`);
  },
  "something long": (tokens, random) => {
    const unit = random.pick(["1", "x", "A", "9", '"', "1, ", "f32 ", "N * ", "%a, ", "/", "\\", "\u{1F600}", "1x", "(", "tensor<", "\n"]);
    tokens.splice(random.below(tokens.length), random.below(2), unit.repeat(random.pick([100, 2000, 20000])));
  },
  "an odd character": (tokens, random) =>
    void tokens.splice(
      random.below(tokens.length),
      0,
      random.pick(["\0", "\u00e9", "\u2028", "\ufeff", "\ud800", "\r", "\t", "`", "'", "\\u0000", '"', "#", "$"]),
    ),
  "a literal": (tokens, random) =>
    replaceOne(
      tokens,
      random,
      (token) => isNumber(token) || /^(?:true|false|splat)$/.test(token),
      () =>
        random.pick([
          "inf",
          "-inf",
          "nan",
          "nan:0x7fffff",
          "-0.0",
          "true",
          "splat 0.0",
          "random(1)",
          'hex"00"',
          "[]",
          "_",
          "@x",
          "0x1.8p5",
          "1e400",
          "1e-400",
          "dim[N]",
          "dim[?K]",
        ]),
    ),
  "a definition in a chain": (tokens, random) => {
    const count = random.pick([3, 100, 400, 3000]);
    const end = tokens.lastIndexOf("}");
    const links = Array.from({ length: count }, (_, i) => `const @chain${i} : tensor<f32> = math.neg(@chain${i + 1})\n`);
    tokens.splice(end, 0, `${links.join("")}const @chain${count} : tensor<f32> = 1.0\n`);
  },
};

/** Most of the time what still parses. */
const weighted: readonly string[] = [
  ...Object.keys(mutations),
  ...["a small number", "a number", "a number everywhere", "a name", "an op", "a dtype"].flatMap((name) => [name, name, name, name, name]),
];

const opNames =
  "math.add math.div math.pow math.softmax math.where nn.linear nn.conv nn.max_pool nn.avg_pool nn.matmul nn.batch_norm shape.reshape shape.broadcast shape.slice shape.pad shape.gather shape.concat shape.transpose sparse.expand codebook.lookup quant.dequantize quant.quantize reduce.sum reduce.argmax type.cast type.unpack tensor.one_hot int.conv int.linear rt.kernel no.op".split(
    " ",
  );

const isNumber = (token: string): boolean => /^-?\d/.test(token);
const isName = (token: string): boolean => /^[%@]?[A-Za-z_]/.test(token);

function placesOf(tokens: readonly string[], holds: (token: string) => boolean): number[] {
  return tokens.flatMap((token, at) => (holds(token) ? [at] : []));
}

function replaceOne(tokens: string[], random: FuzzRandom, holds: (token: string) => boolean, by: (old: string) => string): void {
  const places = placesOf(tokens, holds);
  if (places.length === 0) return;
  const at = random.pick(places);
  tokens[at] = by(tokens[at] as string);
}

function extremeNumber(random: FuzzRandom): string {
  return random.pick([
    String(random.integer()),
    "0",
    "-1",
    "9007199254740993",
    "99999999999999999999",
    "1000003",
    "4294967296",
    "2147483647",
    "1e308",
    "0.5",
    "65536",
  ]);
}
