/**
 * @file The syntax tree: what was written, with its tokens (each knows its offset). Nothing is resolved or decoded here; lowering does that.
 */
import type { IToken } from "chevrotain";
import type { Span } from "../diagnostics/source.ts";

export function spanOf(token: IToken): Span {
  return { start: token.startOffset, end: token.startOffset + token.image.length };
}

/** From the first token to the last. */
export function spanFrom(first: IToken, last: IToken): Span {
  return { start: first.startOffset, end: last.startOffset + last.image.length };
}

export interface AstModule {
  readonly version: IToken;
  readonly docs: readonly IToken[];
  readonly name: IToken;
  readonly items: readonly AstItem[];
}

export type AstItem = AstMeta | AstResource | AstConstant | AstFunc;

export interface AstMeta {
  readonly kind: "meta";
  readonly docs: readonly IToken[];
  readonly keyword: IToken;
  readonly dict: AstDict;
}

export interface AstResource {
  readonly kind: "resource";
  readonly docs: readonly IToken[];
  readonly name: IToken;
  readonly path: IToken;
  readonly dict: AstDict | null;
}

export interface AstConstant {
  readonly kind: "constant";
  readonly docs: readonly IToken[];
  readonly name: IToken;
  readonly type: IToken;
  readonly definition: AstData | AstCall;
  readonly loc: readonly AstPlace[];
}

export type AstData =
  | { readonly kind: "scalar"; readonly value: IToken }
  | { readonly kind: "list"; readonly list: AstAttr & { readonly kind: "list" } }
  | { readonly kind: "hex"; readonly text: IToken }
  | { readonly kind: "splat"; readonly keyword: IToken; readonly value: IToken }
  | { readonly kind: "slice"; readonly resource: IToken; readonly offset: IToken; readonly length: IToken }
  | { readonly kind: "random"; readonly keyword: IToken; readonly seed: IToken }
  | { readonly kind: "elided"; readonly keyword: IToken; readonly sha256: IToken; readonly length: IToken };

export interface AstFunc {
  readonly kind: "func";
  readonly docs: readonly IToken[];
  readonly name: IToken;
  readonly params: readonly AstTyped[];
  readonly results: readonly AstTyped[];
  readonly carries: readonly AstCarry[];
  readonly requires: readonly IToken[];
  readonly ops: readonly AstOp[];
  readonly returnKeyword: IToken;
  readonly returns: readonly IToken[];
}

export interface AstTyped {
  readonly name: IToken;
  readonly type: IToken;
}

export interface AstCarry {
  readonly param: IToken;
  readonly result: IToken;
}

export interface AstOp {
  readonly docs: readonly IToken[];
  readonly results: readonly IToken[];
  readonly call: AstCall;
  /** Empty when the types were left out. */
  readonly types: readonly IToken[];
  readonly loc: readonly AstPlace[];
}

export interface AstCall {
  readonly kind: "call";
  readonly op: IToken;
  readonly operands: readonly IToken[];
  readonly dict: AstDict | null;
}

export type AstAttr =
  | { readonly kind: "token"; readonly token: IToken }
  | { readonly kind: "list"; readonly open: IToken; readonly items: readonly AstAttr[]; readonly close: IToken }
  | { readonly kind: "dict"; readonly dict: AstDict };

export interface AstDict {
  readonly open: IToken;
  readonly entries: readonly AstEntry[];
  readonly close: IToken;
}

export interface AstEntry {
  readonly key: IToken;
  readonly value: AstAttr;
}

export interface AstPlace {
  readonly file: IToken;
  readonly parts: readonly IToken[];
}

export function attrSpan(attr: AstAttr): Span {
  if (attr.kind === "token") return spanOf(attr.token);
  return attr.kind === "list" ? spanFrom(attr.open, attr.close) : spanFrom(attr.dict.open, attr.dict.close);
}
