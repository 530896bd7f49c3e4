/** @file Diagnostics: the catalogue of codes and their rendering. */
export { type Code, catalogue, messageOf } from "./catalogue.ts";
export { type Diagnostic, type Note, renderDiagnostic, renderDiagnostics } from "./diagnostic.ts";
export { Source } from "./source.ts";
