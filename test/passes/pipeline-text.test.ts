/** @file Pipeline text (IR.md section 6): what it reads, what it prints, and what it says about mistakes. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PipelineValue } from "../../compiler/pass/options.ts";
import { type PipelineItem, parsePipeline, printPipeline } from "../../compiler/pass/pipeline-text.ts";
import { TersorError } from "../../ir-spec/index.ts";

const optionsOf = (text: string) => parsePipeline(`p{${text}}`)[0]?.options;

test("passes, options and their order", () => {
  assert.equal(parsePipeline("prune-magnitude{sparsity=0.9 scope=global},share-weights{clusters=16},dce"), [
    { pass: "prune-magnitude", options: { sparsity: 0.9, scope: "global" } },
    { pass: "share-weights", options: { clusters: 16 } },
    { pass: "dce", options: {} },
  ]);
});

test("the empty text is the empty pipeline", () => {
  for (const text of ["", "  ", "\n\t"]) assert.equal(parsePipeline(text), []);
  assert.is(printPipeline([]), "");
});

test("a percentage is a hundredth, exactly the double that its decimal has", () => {
  for (let percent = 0; percent <= 100; percent++) assert.is(optionsOf(`x=${percent}%`)?.x, Number((percent / 100).toFixed(2)));
  assert.is(optionsOf("x=-12.5%")?.x, -0.125);
});

const values: readonly [string, PipelineValue][] = [
  ["1", 1],
  ["-3", -3],
  ["0.25", 0.25],
  ["1e-6", 1e-6],
  ["2E+3", 2000],
  ["true", true],
  ["false", false],
  ["global", "global"],
  ["nn.conv-1", "nn.conv-1"],
  ['"2:4"', "2:4"],
  ['"@fc.w"', "@fc.w"],
  ['"true"', "true"],
  ['"a\\"b\\\\c\\n"', 'a"b\\c\n'],
  ['"50%"', "50%"],
  ["[]", []],
  ['[1, two, "3:4", [5, 50%], true]', [1, "two", "3:4", [5, 0.5], true]],
];

for (const [text, value] of values) test(`value ${text}`, () => assert.equal(optionsOf(`x=${text}`)?.x, value));

test("options are separated by blanks; blanks elsewhere do not matter", () => {
  assert.equal(parsePipeline(" a { x = 1\n y = [ 1 , 2 ] } ,\tb"), parsePipeline("a{x=1 y=[1,2]},b"));
});

test("option names that objects inherit are ordinary names", () => {
  const options = optionsOf("__proto__=5 constructor=6") ?? {};
  assert.equal(Object.entries(options), [
    ["__proto__", 5],
    ["constructor", 6],
  ]);
});

const errors: readonly [string, number, RegExp][] = [
  ["a b", 3, /expected "," or the end, found "b"/],
  ["a,", 3, /expected a pass name, found "the end"/],
  [",a", 1, /expected a pass name, found ","/],
  ["a{x=1 y=2 x=3}", 11, /option "x" is given twice/],
  ["a{x 1}", 5, /expected "=" after "x"/],
  ["a{x=}", 5, /expected a value, found "}"/],
  ["a{x=1,y=2}", 6, /expected an option name or }, found ","/],
  ["a{x=1", 6, /expected an option name or }, found "the end"/],
  ["a{x=[1 2]}", 8, /expected "," or "\]"/],
  ["a{x=  2:4}", 8, /unexpected character ":"/],
  ["a{x=50 %}", 8, /unexpected character "%"/],
  ["a{x=01}", 5, /unexpected character "0"/],
  ["a{x=@w}", 5, /unexpected character "@"/],
  ['a{x="open}', 5, /unexpected character "\\""/],
  ['a{x="\\q"}', 5, /no JSON string/],
  ["a{x=1e999}", 5, /1e999 is out of range/],
];

for (const [text, column, message] of errors) {
  test(`error: ${text}`, () => {
    try {
      parsePipeline(text);
    } catch (error) {
      assert.instance(error, TersorError);
      const [problem] = (error as TersorError).problems;
      assert.is(problem?.code, "E0701");
      assert.match(problem?.message ?? "", message);
      assert.is(problem?.where, `pipeline:${column}`);
      // The caret stands under the place.
      assert.ok(problem?.message.endsWith(`\n    ${text}\n    ${" ".repeat(column - 1)}^`), problem?.message);
      return;
    }
    assert.unreachable("no error");
  });
}

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,8}$/);
const scalar = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.string({ unit: "grapheme" }),
  name,
);
const value: fc.Arbitrary<PipelineValue> = fc.letrec<{ value: PipelineValue }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, fc.array(tie("value"), { maxLength: 4 })),
})).value;
const item: fc.Arbitrary<PipelineItem> = fc.record(
  {
    pass: name,
    options: fc.dictionary(
      name.filter((n) => n !== "__proto__"),
      value,
      { maxKeys: 4, noNullPrototype: true },
    ),
  },
  { noNullPrototype: true },
);

test("property: what is printed reads back as it was, and prints the same again", () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 5 }), (items) => {
      const text = printPipeline(items);
      const read = parsePipeline(text);
      assert.equal(read, items);
      assert.is(printPipeline(read), text);
    }),
    { numRuns: 500, seed: 1 },
  );
});

test("property: any text is read or refused with E0701", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab-.{}[],=%"\\ 01e\n'), maxLength: 30 }), (text) => {
      try {
        parsePipeline(text);
      } catch (error) {
        assert.instance(error, TersorError);
        assert.is((error as TersorError).code, "E0701");
      }
    }),
    { numRuns: 2000, seed: 2 },
  );
});

test.run();
