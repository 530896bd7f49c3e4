/**
 * @file The grammar, LL(1), as a chevrotain parser with embedded actions that builds the syntax tree. It knows no op name. Rules stand in the order
 * of GRAMMAR.md. Embedded actions also run once on dummy tokens while the grammar is recorded, so they only collect tokens; decoding
 * is the lowering's work. The first syntax error ends parsing: after it, everything else would be guesswork.
 */
import { EmbeddedActionsParser, EOF, type IParserErrorMessageProvider, type IToken, type OrMethodOpts, tokenLabel } from "chevrotain";
import type {
  AstAttr,
  AstCall,
  AstCarry,
  AstConstant,
  AstData,
  AstDict,
  AstEntry,
  AstFunc,
  AstItem,
  AstMeta,
  AstModule,
  AstOp,
  AstPlace,
  AstResource,
  AstTyped,
} from "./ast.ts";
import * as t from "./tokens.ts";

/** Where a closing token is only one of several ways on, which chevrotain does not say. By rule and token. */
const waysOn: Readonly<Record<string, string>> = {
  'file "}"': 'meta, resource, func, const or "}"',
  'func "return"': 'an op or "return"',
  'func "{"': 'carry, require [...] == ... or "{"',
  'call ")"': '"," or ")"',
  'params ")"': '"," or ")"',
  'results ")"': '"," or ")"',
  'list "]"': '"," or "]"',
  'dict "}"': '"," or "}"',
  'op "="': '"," or "="',
};

/** What chevrotain knows at an error, in the words of one expectation. */
const errorWords: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, ruleName }) => waysOn[`${ruleName} ${tokenLabel(expected)}`] ?? tokenLabel(expected),
  buildNotAllInputParsedMessage: () => "the end of the text",
  buildNoViableAltMessage: ({ expectedPathsPerAlt, customUserDescription }) =>
    customUserDescription ?? oneOf(expectedPathsPerAlt.flat().map((path) => (path[0] ? tokenLabel(path[0]) : ""))),
  buildEarlyExitMessage: ({ expectedIterationPaths }) => oneOf(expectedIterationPaths.map((path) => (path[0] ? tokenLabel(path[0]) : ""))),
};

function oneOf(labels: readonly string[]): string {
  const all = [...new Set(labels)].filter((label) => label !== "");
  return all.length < 2 ? (all[0] ?? "something else") : `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`;
}

class TextParser extends EmbeddedActionsParser {
  constructor() {
    super([...t.vocabulary], { maxLookahead: 1, recoveryEnabled: false, errorMessageProvider: errorWords });
    this.performSelfAnalysis();
  }

  readonly file = this.RULE("file", (): AstModule => {
    this.CONSUME(t.Tersor);
    const version = this.CONSUME(t.NumberText);
    const docs = this.SUBRULE(this.docs);
    this.CONSUME(t.Module);
    const name = this.CONSUME(t.SymbolName);
    this.CONSUME(t.LBrace);
    const items: AstItem[] = [];
    this.MANY(() => items.push(this.SUBRULE(this.item)));
    this.CONSUME(t.RBrace);
    return { version, docs, name, items };
  });

  private readonly docs = this.RULE("docs", (): IToken[] => {
    const docs: IToken[] = [];
    this.MANY(() => docs.push(this.CONSUME(t.Doc)));
    return docs;
  });

  private readonly item = this.RULE("item", (): AstItem => {
    const docs = this.SUBRULE(this.docs);
    return this.OR({
      DEF: [
        { ALT: (): AstItem => this.SUBRULE(this.meta, { ARGS: [docs] }) },
        { ALT: (): AstItem => this.SUBRULE(this.resource, { ARGS: [docs] }) },
        { ALT: (): AstItem => this.SUBRULE(this.constant, { ARGS: [docs] }) },
        { ALT: (): AstItem => this.SUBRULE(this.func, { ARGS: [docs] }) },
      ],
      ERR_MSG: "meta, resource, func or const",
    });
  });

  private readonly meta = this.RULE("meta", (docs: IToken[]): AstMeta => {
    const keyword = this.CONSUME(t.Meta);
    const dict = this.SUBRULE(this.dict);
    return { kind: "meta", docs, keyword, dict };
  });

  private readonly resource = this.RULE("resource", (docs: IToken[]): AstResource => {
    this.CONSUME(t.Resource);
    const name = this.CONSUME(t.SymbolName);
    this.CONSUME(t.Equals);
    const path = this.CONSUME(t.StringText);
    const dict = this.OPTION(() => this.SUBRULE(this.dict)) ?? null;
    return { kind: "resource", docs, name, path, dict };
  });

  private readonly constant = this.RULE("constant", (docs: IToken[]): AstConstant => {
    this.CONSUME(t.Const);
    const name = this.CONSUME(t.SymbolName);
    this.CONSUME(t.Colon);
    const type = this.CONSUME(t.Type);
    this.CONSUME(t.Equals);
    const definition = this.SUBRULE(this.definition);
    const loc = this.SUBRULE(this.loc);
    return { kind: "constant", docs, name, type, definition, loc };
  });

  private readonly definition = this.RULE("definition", (): AstData | AstCall =>
    this.OR<AstData | AstCall>({
      DEF: [
        { ALT: () => this.SUBRULE(this.call) },
        { ALT: () => ({ kind: "scalar", value: this.SUBRULE(this.scalar) }) },
        { ALT: () => ({ kind: "list", list: this.SUBRULE(this.list) }) },
        { ALT: () => ({ kind: "hex", text: this.CONSUME(t.Hex) }) },
        { ALT: () => this.SUBRULE(this.splat) },
        { ALT: () => this.SUBRULE(this.slice) },
        { ALT: () => this.SUBRULE(this.random) },
        { ALT: () => this.SUBRULE(this.elided) },
      ],
      ERR_MSG: "data or an op's call",
    }),
  );

  // Alternatives of the rules that run per token are made once: chevrotain would take a new list each time.
  private readonly scalars: OrMethodOpts<IToken> = {
    DEF: [
      { ALT: () => this.CONSUME(t.NumberText) },
      { ALT: () => this.CONSUME(t.True) },
      { ALT: () => this.CONSUME(t.False) },
      { ALT: () => this.CONSUME(t.Inf) },
      { ALT: () => this.CONSUME(t.Nan) },
    ],
    ERR_MSG: "a number, true or false",
  };
  private readonly scalar = this.RULE("scalar", (): IToken => this.OR(this.scalars));

  private readonly splat = this.RULE("splat", (): AstData => {
    const keyword = this.CONSUME(t.Splat);
    return { kind: "splat", keyword, value: this.SUBRULE(this.scalar) };
  });

  private readonly slice = this.RULE("slice", (): AstData => {
    const resource = this.CONSUME(t.SymbolName);
    this.CONSUME(t.LBracket);
    const offset = this.CONSUME(t.NumberText);
    this.CONSUME(t.Comma);
    const length = this.CONSUME2(t.NumberText);
    this.CONSUME(t.RBracket);
    return { kind: "slice", resource, offset, length };
  });

  private readonly random = this.RULE("random", (): AstData => {
    const keyword = this.CONSUME(t.Random);
    this.CONSUME(t.LParen);
    const seed = this.CONSUME(t.NumberText);
    this.CONSUME(t.RParen);
    return { kind: "random", keyword, seed };
  });

  private readonly elided = this.RULE("elided", (): AstData => {
    const keyword = this.CONSUME(t.Elided);
    this.CONSUME(t.LParen);
    const sha256 = this.CONSUME(t.StringText);
    this.CONSUME(t.Comma);
    const length = this.CONSUME(t.NumberText);
    this.CONSUME(t.RParen);
    return { kind: "elided", keyword, sha256, length };
  });

  private readonly func = this.RULE("func", (docs: IToken[]): AstFunc => {
    this.CONSUME(t.Func);
    const name = this.CONSUME(t.SymbolName);
    const params = this.SUBRULE(this.params);
    this.CONSUME(t.Arrow);
    const results = this.SUBRULE(this.results);
    const carries = this.OPTION(() => this.SUBRULE(this.carry)) ?? [];
    const requires: IToken[] = [];
    this.MANY(() => requires.push(this.CONSUME(t.Require)));
    this.CONSUME(t.LBrace);
    const ops: AstOp[] = [];
    this.MANY2(() => ops.push(this.SUBRULE(this.op)));
    const returnKeyword = this.CONSUME(t.Return);
    const returns: IToken[] = [];
    this.MANY_SEP({ SEP: t.Comma, DEF: () => returns.push(this.SUBRULE(this.returned)) });
    this.CONSUME(t.RBrace);
    return { kind: "func", docs, name, params, results, carries, requires, ops, returnKeyword, returns };
  });

  private readonly params = this.RULE("params", (): AstTyped[] => {
    const params: AstTyped[] = [];
    this.CONSUME(t.LParen);
    this.MANY_SEP({
      SEP: t.Comma,
      DEF: () => {
        const name = this.CONSUME(t.Value);
        this.CONSUME(t.Colon);
        params.push({ name, type: this.CONSUME(t.Type) });
      },
    });
    this.CONSUME(t.RParen);
    return params;
  });

  private readonly results = this.RULE("results", (): AstTyped[] => {
    const results: AstTyped[] = [];
    this.CONSUME(t.LParen);
    this.MANY_SEP({
      SEP: t.Comma,
      DEF: () => {
        const name = this.SUBRULE(this.name);
        this.CONSUME(t.Colon);
        results.push({ name, type: this.CONSUME(t.Type) });
      },
    });
    this.CONSUME(t.RParen);
    return results;
  });

  private readonly carry = this.RULE("carry", (): AstCarry[] => {
    const carries: AstCarry[] = [];
    this.CONSUME(t.Carry);
    this.CONSUME(t.LParen);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        const param = this.CONSUME(t.Value);
        this.CONSUME(t.Arrow);
        carries.push({ param, result: this.SUBRULE(this.name) });
      },
    });
    this.CONSUME(t.RParen);
    return carries;
  });

  private readonly names: OrMethodOpts<IToken> = {
    DEF: [{ ALT: () => this.CONSUME(t.Word) }, { ALT: () => this.CONSUME(t.StringText) }],
    ERR_MSG: "a name",
  };
  /** The name of a result or the key of a dict. */
  private readonly name = this.RULE("name", (): IToken => this.OR(this.names));

  private readonly returned = this.RULE(
    "returned",
    (): IToken => this.OR<IToken>([{ ALT: () => this.CONSUME(t.Value) }, { ALT: () => this.CONSUME(t.SymbolName) }]),
  );

  private readonly op = this.RULE("op", (): AstOp => {
    const docs = this.SUBRULE(this.docs);
    const results: IToken[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => results.push(this.CONSUME(t.Value)) });
    this.CONSUME(t.Equals);
    const call = this.SUBRULE(this.call);
    const types: IToken[] = [];
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.AT_LEAST_ONE_SEP2({ SEP: t.Comma, DEF: () => types.push(this.CONSUME(t.Type)) });
    });
    const loc = this.SUBRULE(this.loc);
    return { docs, results, call, types, loc };
  });

  private readonly call = this.RULE("call", (): AstCall => {
    const op = this.CONSUME(t.DottedName);
    this.CONSUME(t.LParen);
    const operands: IToken[] = [];
    this.MANY_SEP({ SEP: t.Comma, DEF: () => operands.push(this.SUBRULE(this.operand)) });
    this.CONSUME(t.RParen);
    const dict = this.OPTION(() => this.SUBRULE(this.dict)) ?? null;
    return { kind: "call", op, operands, dict };
  });

  private readonly operands: OrMethodOpts<IToken> = {
    DEF: [{ ALT: () => this.CONSUME(t.Value) }, { ALT: () => this.CONSUME(t.SymbolName) }, { ALT: () => this.CONSUME(t.Absent) }],
    ERR_MSG: "a %value, a @symbol or _",
  };
  private readonly operand = this.RULE("operand", (): IToken => this.OR(this.operands));

  private readonly attrs: OrMethodOpts<AstAttr> = {
    DEF: [
      { ALT: () => ({ kind: "token", token: this.SUBRULE(this.scalar) }) },
      { ALT: () => ({ kind: "token", token: this.CONSUME(t.StringText) }) },
      { ALT: () => ({ kind: "token", token: this.CONSUME(t.EnumWord) }) },
      { ALT: () => ({ kind: "token", token: this.CONSUME(t.SymbolName) }) },
      { ALT: () => ({ kind: "token", token: this.CONSUME(t.Type) }) },
      { ALT: () => ({ kind: "token", token: this.CONSUME(t.DimText) }) },
      { ALT: () => this.SUBRULE(this.list) },
      { ALT: () => ({ kind: "dict", dict: this.SUBRULE(this.dict) }) },
    ],
    ERR_MSG: "an attribute's value",
  };
  private readonly attr = this.RULE("attr", (): AstAttr => this.OR(this.attrs));

  private readonly list = this.RULE("list", (): AstAttr & { readonly kind: "list" } => {
    const items: AstAttr[] = [];
    const open = this.CONSUME(t.LBracket);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.attr)) });
    const close = this.CONSUME(t.RBracket);
    return { kind: "list", open, items, close };
  });

  private readonly dict = this.RULE("dict", (): AstDict => {
    const entries: AstEntry[] = [];
    const open = this.CONSUME(t.LBrace);
    this.MANY_SEP({
      SEP: t.Comma,
      DEF: () => {
        const key = this.SUBRULE(this.name);
        this.CONSUME(t.Equals);
        entries.push({ key, value: this.SUBRULE(this.attr) });
      },
    });
    const close = this.CONSUME(t.RBrace);
    return { open, entries, close };
  });

  private readonly loc = this.RULE("loc", (): AstPlace[] => {
    const places: AstPlace[] = [];
    this.OPTION(() => {
      this.CONSUME(t.Loc);
      this.CONSUME(t.LParen);
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => places.push(this.SUBRULE(this.place)) });
      this.CONSUME(t.RParen);
    });
    return places;
  });

  private readonly place = this.RULE("place", (): AstPlace => {
    const parts: IToken[] = [];
    const file = this.CONSUME(t.StringText);
    this.MANY(() => {
      this.CONSUME(t.Colon);
      this.OR([{ ALT: () => parts.push(this.CONSUME(t.NumberText)) }, { ALT: () => parts.push(this.CONSUME2(t.StringText)) }]);
    });
    return { file, parts };
  });
}

const parser = new TextParser();

export type Parsed =
  | { readonly ok: true; readonly module: AstModule }
  /** `token` is null at the end of the text; `expected` is a phrase. */
  | { readonly ok: false; readonly expected: string; readonly token: IToken | null };

export function parseTokens(tokens: IToken[]): Parsed {
  parser.input = tokens;
  const module = parser.file();
  const error = parser.errors[0];
  parser.input = [];
  if (!error) return { ok: true, module };
  const token = error.token.tokenType === EOF ? null : error.token;
  return { ok: false, expected: error.message, token };
}
