/** @file The executor over the interpreter: exact, slow, always there. */
import type { OpRegistry } from "../../ir-spec/index.ts";
import type { Executor } from "../pass/pass.ts";
import { interpret } from "./interpret.ts";

export function interpreterExecutor(registry: OpRegistry): Executor {
  return { run: async (module, inputs, options = {}) => interpret(module, registry, inputs, options.taps ? { taps: options.taps } : {}) };
}
