/** @file The IR's text: reading and printing. */
export { moduleDifference, moduleEquals } from "../../ir-spec/core/equal.ts";
export { decodeText } from "./decode.ts";
export type { ResourceReader } from "./lower/module.ts";
export { type PrintOptions, printModule } from "./print/module.ts";
export { parseModule, type ReadOptions, readModule, type TextReading } from "./read.ts";
