/** @file What the page and its worker say to each other. A reply carries the number of its request. */
import type { RgbaImage } from "tersor/runtime";
import type { Answer, ModelFacts, RecognizerOptions, RecognizerSource } from "./recognizer.ts";

export type Request = { readonly id: number } & (
  | { readonly kind: "open"; readonly source: RecognizerSource; readonly options: RecognizerOptions }
  | { readonly kind: "classify"; readonly image: RgbaImage }
);

export type Reply = { readonly id: number } & (
  | { readonly kind: "opened"; readonly facts: ModelFacts }
  | { readonly kind: "answer"; readonly answer: Answer }
  /** In words for the page: an error's class does not survive the way out of a worker. */
  | { readonly kind: "failed"; readonly problem: string }
);
