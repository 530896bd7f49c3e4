/** @file The table of passes that a compilation knows, each with its owner, and the order that stages and after/before give. */
import { nearest, TersorError } from "../../ir-spec/index.ts";
import { readOptions } from "./options.ts";
import { type Pass, stages } from "./pass.ts";
import { type PipelineItem, printPipeline } from "./pipeline-text.ts";

export interface PassSource {
  /** `core` or the plugin's name. */
  readonly owner: string;
  readonly passes: readonly Pass[];
}

export interface OwnedPass {
  readonly pass: Pass;
  readonly owner: string;
}

/** A pass of a pipeline with its options read. */
export interface ResolvedPass extends OwnedPass {
  readonly item: PipelineItem;
  readonly values: Readonly<Record<string, unknown>>;
}

export class PassRegistry {
  private readonly table = new Map<string, OwnedPass>();

  constructor(sources: readonly PassSource[]) {
    for (const { owner, passes } of sources) for (const pass of passes) this.add(pass, owner);
  }

  get(name: string): OwnedPass | null {
    return this.table.get(name) ?? null;
  }

  list(): readonly OwnedPass[] {
    return [...this.table.values()];
  }

  /** @throws TersorError E0702 (unknown pass), E0703 (options). */
  resolve(item: PipelineItem): ResolvedPass {
    const owned = this.table.get(item.pass);
    if (!owned) {
      const near = nearest(item.pass, [...this.table.keys()]);
      throw new TersorError({ code: "E0702", message: `unknown pass "${item.pass}"`, ...(near ? { hint: `did you mean ${near}?` } : {}) });
    }
    const reading = readOptions(owned.pass.options, item.options);
    if (!reading.ok) throw new TersorError({ code: "E0703", message: `${item.pass} (${owned.owner}): ${reading.message}` });
    return { ...owned, item, values: reading.values };
  }

  private add(pass: Pass, owner: string): void {
    const present = this.table.get(pass.name);
    if (present) {
      throw new TersorError({ code: "E0704", message: `pass "${pass.name}" is registered twice: by ${present.owner} and by ${owner}` });
    }
    this.table.set(pass.name, { pass, owner });
  }
}

/**
 * Sorts by stage, then by after/before, ties by the given order (stable).
 * @throws TersorError E0705 on a cycle, naming every pass and owner in it.
 */
export function orderPasses(passes: readonly ResolvedPass[]): readonly ResolvedPass[] {
  const pending = [...passes];
  const ordered: ResolvedPass[] = [];
  while (pending.length > 0) {
    const index = pending.findIndex((candidate) => !pending.some((other) => other !== candidate && mustPrecede(other, candidate)));
    if (index < 0) throw cycleError(pending);
    ordered.push(...pending.splice(index, 1));
  }
  return ordered;
}

/** Checks a pipeline that the user ordered by hand. @throws TersorError E0706 naming both passes and owners. */
export function checkOrder(passes: readonly ResolvedPass[]): void {
  passes.forEach((early, i) => {
    for (const late of passes.slice(i + 1)) {
      if (late.pass.name === early.pass.name || !mustPrecede(late, early) || mustPrecede(early, late)) continue;
      throw new TersorError({
        code: "E0706",
        message: `${describe(early)} stands before ${describe(late)}, but ${reason(late, early)}`,
        where: `pipeline ${printPipeline(passes.map((p) => p.item))}`,
      });
    }
  });
}

/** Negative when `a`'s stage comes first, 0 when neither does. */
function compareStages(a: OwnedPass, b: OwnedPass): number {
  if (a.pass.stage === "any" || b.pass.stage === "any") return 0;
  return stages.indexOf(a.pass.stage) - stages.indexOf(b.pass.stage);
}

/** Earlier stages outrank after/before, so that a plugin cannot pull a stage apart. */
function mustPrecede(first: OwnedPass, second: OwnedPass): boolean {
  const staged = compareStages(first, second);
  if (staged !== 0) return staged < 0;
  return first.pass.before?.includes(second.pass.name) === true || second.pass.after?.includes(first.pass.name) === true;
}

function describe(p: OwnedPass): string {
  return `${p.pass.name} (${p.owner})`;
}

function reason(first: OwnedPass, second: OwnedPass): string {
  if (compareStages(first, second) !== 0) return `stage ${first.pass.stage} comes before stage ${second.pass.stage}`;
  return first.pass.before?.includes(second.pass.name)
    ? `${first.owner} declares ${first.pass.name} before ${second.pass.name}`
    : `${second.owner} declares ${second.pass.name} after ${first.pass.name}`;
}

function cycleError(pending: readonly ResolvedPass[]): TersorError {
  const clash = pending.flatMap((a) =>
    pending.filter((b) => b !== a && mustPrecede(a, b)).map((b) => `${describe(a)} before ${describe(b)}`),
  );
  return new TersorError({ code: "E0705", message: `passes cannot be ordered: ${clash.join("; ")}` });
}
