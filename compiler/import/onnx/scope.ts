/** @file Names and problems of one graph while it is translated. */
import { type Location, type Problem, TersorError } from "../../../ir-spec/index.ts";
import { type ImportCode, ImportFailure } from "./errors.ts";
import type { Value } from "./value.ts";

export class Scope {
  readonly problems: Problem[] = [];
  private readonly fileName: string;
  /** null: defined, but spoiled by a problem that has been reported. */
  private readonly values = new Map<string, Value | null>();

  constructor(fileName: string) {
    this.fileName = fileName;
  }

  /** The value, null when it is spoiled, undefined when there is none of this name. */
  get(name: string): Value | null | undefined {
    return this.values.get(name);
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  define(name: string, value: Value | null, where: string, loc: Location): void {
    if (this.values.has(name)) this.report("E0607", `${JSON.stringify(name)} is defined twice`, where, loc);
    else this.values.set(name, value);
  }

  /** Gives a spoiled name its value. */
  repair(name: string, value: Value): void {
    this.values.set(name, value);
  }

  /** Runs `work`; a failure becomes problems at this place, and null. */
  attempt<T>(where: string, loc: Location, work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      if (error instanceof ImportFailure) this.problems.push(error.at(where, loc));
      else if (error instanceof TersorError) this.problems.push(...error.problems.map((p) => ({ ...p, where, loc })));
      else if (isDimError(error))
        this.problems.push(new ImportFailure("E0606", `the sizes are impossible: ${error.message}`).at(where, loc));
      else throw error;
      return null;
    }
  }

  report(code: ImportCode, message: string, where: string, loc: Location): void {
    this.problems.push({ code, message, where, loc });
  }

  /** The file, or a node or initializer in it. */
  place(part?: string): Location {
    return [{ file: this.fileName, parts: part === undefined ? [] : [part] }];
  }
}

/** Dim arithmetic (`ir-spec/core/dim.ts`) refuses to leave the exact integers, as sizes of a damaged file make it do. */
function isDimError(error: unknown): error is RangeError {
  return error instanceof RangeError && /^dim (arithmetic|division)/.test(error.message);
}
