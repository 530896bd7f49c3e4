/**
 * @file The reference backend: runs the file's source functions with the ops' own reference functions. Exact, slow, the oracle for every other backend. It needs
 * source functions in the file (compile with `reference` among the targets) and no plan: a file's source is the plan of target `reference`.
 */
import { createCoreRegistry, type OpRegistry, type OpSource } from "../../../ir-spec/index.ts";
import type { Backend, Executable, Plan } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import { defaultLimits, type RunLimits } from "../../limits.ts";
import { referenceTarget } from "../../program.ts";
import { readModule } from "./read-module.ts";
import { SourceProgram } from "./source-program.ts";

export { readModule } from "./read-module.ts";

export interface ReferenceOptions {
  /** Ops of plugins, beside the core ones. */
  readonly ops?: readonly OpSource[];
}

export function reference(options: ReferenceOptions = {}): Backend {
  return new ReferenceBackend(createCoreRegistry(options.ops ?? []));
}

class ReferenceBackend implements Backend {
  readonly name = "reference";
  readonly targets = [referenceTarget];
  private readonly registry: OpRegistry;

  constructor(registry: OpRegistry) {
    this.registry = registry;
  }

  async open(): Promise<void> {}

  /** Its plans have no steps. */
  hasKernel(): boolean {
    return false;
  }

  async prepare(plan: Plan, limits: RunLimits = defaultLimits): Promise<Executable> {
    if (!plan.file) throw new RuntimeError("R0401", "it runs the source functions of a file, and this plan has none", "backend reference");
    return new SourceProgram(readModule(plan.file), this.registry, limits);
  }

  dispose(): void {}
}
