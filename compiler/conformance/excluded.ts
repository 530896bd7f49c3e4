/**
 * @file What stays out, by operator and element type, with reasons. A test that one of these rules covers is not counted in the score beside ONNX Runtime (it is still run and listed).
 * Short on purpose: at most 8 % of the tests that ONNX Runtime passes in a set, which `tersor conformance --baseline` checks.
 */
import type { TestFacts } from "./facts.ts";

export interface Exclusion {
  readonly why: string;
  /** Operators of which one is enough. */
  readonly ops?: RegExp;
  /** Element types of inputs, outputs or initializers of which one is enough. */
  readonly dtypes?: RegExp;
  /** Kinds of inputs or outputs that are no tensors. */
  readonly kinds?: RegExp;
}

export const exclusions: readonly Exclusion[] = [
  { why: "strings: no tensor of numbers, nothing to compress or to run on a device", dtypes: /^STRING$/ },
  { why: "strings", ops: /^(String[A-Z]\w*|RegexFullMatch|TfIdfVectorizer|ai\.onnx\.ml:LabelEncoder)$/ },
  { why: "sequences and optionals: values without a shape, which a plan with fixed buffers has no place for", kinds: /./ },
  { why: "sequences inside the graph", ops: /^(Sequence[A-Z]\w*|SplitToSequence|ConcatFromSequence|Optional([A-Z]\w*)?)$/ },
  { why: "classical machine learning (trees, vectorizers): no layers of a network", ops: /^ai\.onnx\.ml:/ },
  {
    why: "training: compiled models are for inference; gradients are the compiler's own",
    ops: /^(ai\.onnx\.preview\.training:|ai\.onnx\.training:|Gradient$)/,
  },
  { why: "random numbers: the expected outputs are one generator's", ops: /^(Bernoulli|Random(Normal|Uniform)(Like)?|Multinomial)$/ },
  { why: "complex numbers", dtypes: /^COMPLEX/ },
  { why: "floats of 4 and 8 bits: no engine that we run on computes with them", dtypes: /^FLOAT(4|8)/ },
];

/** Why a test is out; null when it counts. */
export function exclusionOf({ ops, dtypes, kinds }: TestFacts): string | null {
  const covers = (rule: Exclusion) =>
    (rule.ops && ops.some((op) => rule.ops?.test(op))) ||
    (rule.dtypes && dtypes.some((dtype) => rule.dtypes?.test(dtype))) ||
    (rule.kinds && kinds.some((kind) => rule.kinds?.test(kind)));
  return exclusions.find(covers)?.why ?? null;
}
