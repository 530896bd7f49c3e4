/** @file Names in text: when one needs quotes, and what a quoted or numbered one stands for. */
import { namePattern } from "./tokens.ts";

const literals: ReadonlySet<string> = new Set(["true", "false", "inf", "nan"]);

/** A name that can stand without quotes. */
export function isPlainName(name: string): boolean {
  return name !== "_" && namePattern.test(name);
}

/** A bare word that is no literal: the member of an enum. */
export function isEnumWord(word: string): boolean {
  return isPlainName(word) && !literals.has(word);
}

/** Quoted only when needed. The sigil (`%`, `@` or none) is the caller's. */
export function quoteName(name: string): string {
  return isPlainName(name) ? name : JSON.stringify(name);
}

/** `name` is null for an unnamed value, `%0`. */
export interface NameText {
  readonly name: string | null;
  /** As a key: tells `%0` from `%"0"`. */
  readonly key: string;
}

/** What stands after the sigil: a name, a number, or a JSON string. */
export function readName(text: string): NameText {
  if (text.startsWith('"')) {
    const name: string = JSON.parse(text);
    return { name, key: `"${name}` };
  }
  return /^[0-9]/.test(text) ? { name: null, key: text } : { name: text, key: `"${text}` };
}
