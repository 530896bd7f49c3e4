/**
 * @file Tokens of the IR's text (GRAMMAR.md). A type, a `dim[...]` and a `require` line are one token each: inside them sizes would fight
 * with identifiers and hexadecimal; `ir-spec/core/dim-text.ts` reads them. Every keyword is a name outside its own place, by chevrotain's token
 * categories: `Word` is any name, `EnumWord` any name but the literals `true false inf nan`.
 */
import { createToken, Lexer, type TokenType } from "chevrotain";

const name = "[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z0-9_]+)*";
const string = '"(?:[^"\\\\\\u0000-\\u001f]|\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*"';
const decimal = "(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:e[+-]?[0-9]+)?";
const hexFloat = "0x[0-9a-f]+(?:\\.[0-9a-f]+)?p[+-]?[0-9]+";

export const namePattern = new RegExp(`^${name}$`);

export const Word = createToken({ name: "Word", pattern: Lexer.NA, label: "a name" });
export const EnumWord = createToken({ name: "EnumWord", pattern: Lexer.NA, categories: [Word], label: "a name" });
export const DottedName = createToken({
  name: "DottedName",
  pattern: new RegExp(name.replace(/\*$/, "+")),
  categories: [EnumWord],
  label: "an op name",
});
export const PlainName = createToken({ name: "PlainName", pattern: /[A-Za-z_][A-Za-z0-9_]*/, categories: [EnumWord], label: "a name" });
const longer = [DottedName, PlainName];

function keyword(word: string, category: TokenType = EnumWord): TokenType {
  return createToken({ name: `"${word}"`, pattern: new RegExp(word), longer_alt: longer, categories: [category], label: `"${word}"` });
}

export const Tersor = keyword("tersor");
export const Module = keyword("module");
export const Meta = keyword("meta");
export const Resource = keyword("resource");
export const Const = keyword("const");
export const Func = keyword("func");
export const Carry = keyword("carry");
export const Return = keyword("return");
export const Loc = keyword("loc");
export const Splat = keyword("splat");
export const Random = keyword("random");
export const Elided = keyword("elided");
export const True = keyword("true", Word);
export const False = keyword("false", Word);
export const Inf = keyword("inf", Word);
export const Nan = keyword("nan", Word);

function punctuation(text: string): TokenType {
  return createToken({ name: `"${text}"`, pattern: text, label: `"${text}"` });
}

export const Arrow = punctuation("->");
export const Equals = punctuation("=");
export const Comma = punctuation(",");
export const Colon = punctuation(":");
export const LParen = punctuation("(");
export const RParen = punctuation(")");
export const LBrace = punctuation("{");
export const RBrace = punctuation("}");
export const LBracket = punctuation("[");
export const RBracket = punctuation("]");
export const Absent = createToken({ name: '"_"', pattern: /_/, longer_alt: longer, label: '"_"' });

export const Doc = createToken({ name: "Doc", pattern: /\/\/\/(?!\/)[^\n]*/, label: "a /// comment" });
const Comment = createToken({ name: "Comment", pattern: /\/\/[^\n]*/, group: Lexer.SKIPPED });
const Space = createToken({ name: "Space", pattern: /[ \t\r\n]+/, group: Lexer.SKIPPED, line_breaks: true });

// Each pattern ends at the character that it begins with: were it searched for across others, a text of nothing but beginnings would take quadratic time.
export const Type = createToken({ name: "Type", pattern: /tensor<[^<>\n]*>/, label: "a type" });
export const DimText = createToken({ name: "DimText", pattern: /dim\[[^[\]\n]*\]/, label: "dim[...]" });
export const Require = createToken({
  name: "Require",
  pattern: /require[ \t]*\[[^[\]\n]*\][ \t]*==[ \t]*(?:\[[^[\]\n]*\]|[0-9]+)/,
  label: "require [...] == ...",
});
export const Hex = createToken({ name: "Hex", pattern: /hex"[0-9a-fA-F]*"/, label: 'hex"..."' });
export const StringText = createToken({ name: "String", pattern: new RegExp(string), label: "a string" });
export const Value = createToken({ name: "Value", pattern: new RegExp(`%(?:${name}|0|[1-9][0-9]*|${string})`), label: "a %value" });
export const SymbolName = createToken({ name: "Symbol", pattern: new RegExp(`@(?:${name}|${string})`), label: "a @symbol" });
export const NumberText = createToken({
  name: "Number",
  pattern: new RegExp(`(?:-(?:inf|nan)(?!:0x)|-?(?:nan:0x[0-9a-f]+|${hexFloat}|${decimal}))(?![A-Za-z0-9_.])`),
  label: "a number",
});

/**
 * What is no token, in runs as long as a reader would see them: left to the lexer's own recovery, which tries every pattern again at each character, a megabyte of it takes minutes.
 */
const oddities = "!#$&'*+.;>?\\\\^`|~\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\uffff";
export const Bad = createToken({
  name: "Bad",
  pattern: new RegExp(`-?[0-9][A-Za-z0-9_.]*|"[^\\n]*|[%@]["%@-]*|-+|/|<[^<>\\n]*|[${oddities}]+`),
  label: "something else",
});

/** Order decides: special forms before keywords, keywords before names, doc before comment. */
const order: TokenType[] = [
  Space,
  Doc,
  Comment,
  Value,
  SymbolName,
  Type,
  DimText,
  Require,
  Hex,
  NumberText,
  StringText,
  Tersor,
  Module,
  Meta,
  Resource,
  Const,
  Func,
  Carry,
  Return,
  Loc,
  Splat,
  Random,
  Elided,
  True,
  False,
  Inf,
  Nan,
  Absent,
  DottedName,
  PlainName,
  Word,
  EnumWord,
  Arrow,
  Equals,
  Comma,
  Colon,
  LParen,
  RParen,
  LBrace,
  RBrace,
  LBracket,
  RBracket,
  Bad,
];

export const vocabulary: readonly TokenType[] = order;
export const lexer = new Lexer(order, { positionTracking: "onlyOffset", ensureOptimizations: true });
