/**
 * @file Every diagnostic of the language: code, title, message. E01 lexer and parser, E02 names and values, E03 ops and types, E04 what only a
 * verifier can meet (a module made by a program, not by text). Entries without a message are raised in `ir-spec`, which words them
 * itself and must not import the compiler; they stand here so that a code is given out once.
 */

const entry = <A extends readonly unknown[]>(title: string, message: (...args: A) => string) => ({ title, message });
const raised = (title: string) => ({ title, message: (text: string): string => text });

/** English plural of a counted noun. */
const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

export const catalogue = {
  E0101: entry("unexpected character", (text: string) => `unexpected ${text}`),
  E0102: entry("malformed string", (why: string) => `malformed string: ${why}`),
  E0103: entry("malformed number", (text: string) => `malformed number ${text}`),
  E0104: entry("syntax", (expected: string, found: string) => `expected ${expected}, found ${found}`),
  E0105: entry("unsupported version", (version: string) => `this reads version 1 of the language, not ${version}`),
  E0106: entry("nesting too deep", (limit: number) => `brackets nest deeper than ${limit}`),
  E0107: entry("malformed type or dim", (why: string) => why),
  E0108: entry("malformed name", (name: string) => `${name} is not a name`),
  E0109: entry("number out of place", (text: string, wanted: string) => `${text} is not ${wanted}`),
  E0110: entry("malformed hex data", (digits: number) => `hex data takes two digits a byte, got ${count(digits, "digit")}`),
  E0111: entry("stray doc comment", () => "a /// comment documents an item, an op or the module, and none follows"),
  E0112: entry("not UTF-8", () => "the text is not UTF-8"),

  E0201: entry("symbol defined twice", (name: string) => `@${name} is defined twice`),
  E0202: entry("value defined twice", (name: string) => `${name} is defined twice`),
  E0203: entry("unknown value", (name: string) => `no value ${name} is defined before this`),
  E0204: entry("unknown symbol", (name: string, wanted: string) => `no ${wanted} @${name}`),
  E0205: entry("cycle of constants", (path: string) => `a constant is defined by itself: ${path}`),
  E0206: entry("data does not fit the type", (given: string, type: string, wanted: string) => `${given} given, ${type} takes ${wanted}`),
  E0207: entry(
    "constant with a symbolic shape",
    (name: string, type: string) => `constant @${name} needs a static shape, ${type} is symbolic`,
  ),
  E0208: entry("element does not fit the dtype", (text: string, dtype: string) => `${text} is no ${dtype}`),
  E0209: entry("resource range", (end: number, name: string, size: number) => `bytes up to ${end} are used, resource @${name} has ${size}`),
  E0210: entry(
    "resource content",
    (name: string, what: string, got: string, said: string) => `resource @${name}: its ${what} is ${got}, declared ${said}`,
  ),
  E0211: entry("wrong kind of symbol", (name: string, is: string, wanted: string) => `@${name} is a ${is}, here stands a ${wanted}`),
  E0212: entry("key written twice", (key: string) => `"${key}" is written twice`),
  E0213: entry("unknown dim symbol", (name: string) => `unknown dim symbol ${name}`),
  E0214: entry("dim symbol introduced twice", (name: string) => `dim symbol ${name} is known already`),
  E0215: entry("introduction out of place", (name: string) => `?${name} can only stand in the result types of an op or in its attributes`),
  E0216: entry("parameter without a name", (name: string) => `a parameter needs a name, ${name} is only a number`),
  E0217: entry("result name used twice", (name: string) => `two results are named ${name}`),
  E0218: entry("second meta", () => "a module has one meta"),
  E0219: entry("unknown result", (name: string, func: string) => `@${func} has no result ${name}`),
  E0220: entry("recursion", (path: string) => `functions may not call themselves: ${path}`),
  E0221: entry("definition too deep", (name: string, limit: number) => `@${name} is derived through more than ${limit} constants`),

  E0301: raised("unknown op"),
  E0302: raised("op defined twice"),
  E0303: raised("attributes"),
  E0304: raised("operands"),
  E0305: entry("number of results", (op: string, has: number, written: number) => `${op} has ${count(has, "result")}, ${written} written`),
  E0306: entry("number of types", (results: number, types: number) => `${count(results, "result")}, but ${count(types, "type")}`),
  E0307: entry(
    "definition with several results",
    (op: string, has: number) => `${op} has ${count(has, "result")}, a constant's definition has one`,
  ),
  E0312: raised("operand types"),
  E0313: entry("declared type", (declared: string, inferred: string) => `declared ${declared}, inferred ${inferred}`),
  E0314: entry(
    "number of returned values",
    (given: number, wanted: number) => `${count(given, "value")} returned, ${count(wanted, "result")} declared`,
  ),
  E0315: entry(
    "type of a returned value",
    (name: string, declared: string, given: string) => `result ${name} is declared ${declared}, returned is ${given}`,
  ),
  E0316: entry("carry", (why: string) => why),

  E0401: entry("broken value ids", (why: string) => why),
  E0402: entry("use before definition", (value: string) => `${value} is used before its definition`),
  E0403: entry("broken table", (why: string) => why),
  E0404: entry("op of another stage", (op: string) => `${op} in a lowered module, which admits rt.* only`),
  E0405: entry("missing require", (require: string) => `the function lacks "${require}", which this op needs`),
  E0406: entry("require that cannot hold", (require: string) => `${require} cannot hold`),
  E0407: entry("no text", (what: string) => `${what} has no text form`),
  E0408: entry("element bits out of range", (name: string, what: string) => `constant @${name}: ${what}`),

  E0501: raised("no static shape at run time"),
  E0502: raised("bytes that are not there"),
  E0520: raised("budget of a run"),
} as const;

export type Code = keyof typeof catalogue;
export type MessageArgs<C extends Code> = Parameters<(typeof catalogue)[C]["message"]>;

export function messageOf<C extends Code>(code: C, ...args: MessageArgs<C>): string {
  return (catalogue[code].message as (...args: readonly unknown[]) => string)(...args);
}
