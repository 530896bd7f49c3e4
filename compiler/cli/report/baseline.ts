/**
 * @file What the report measures errors against: the module as the first compressing pass met it. The passes before it (folding a batch norm, say) change numbers
 * and keep the function; to count that as error would be wrong.
 */
import type { Module } from "../../../ir-spec/index.ts";
import type { ManagerHooks } from "../../pass/manager.ts";

/** Records the module in front of the first pass that a plugin brings, beside whatever `hooks` do. */
export class Baseline {
  readonly hooks: ManagerHooks;
  private found: Module | null = null;
  private last: Module | null = null;

  constructor(hooks: ManagerHooks = {}) {
    this.hooks = {
      ...hooks,
      beforePass: (pass, module, index) => {
        if (pass.owner !== "core") this.found ??= module;
        hooks.beforePass?.(pass, module, index);
      },
      afterPass: (pass, module, record) => {
        this.last = module;
        hooks.afterPass?.(pass, module, record);
      },
    };
  }

  /** Without a compressing pass: what the pipeline made; null before any pass ran. */
  get module(): Module | null {
    return this.found ?? this.last;
  }
}
