/** @file Names and problems of one graph while it is translated. */
import { isDimFault, type Location, type Problem, TersorError } from "../../../ir-spec/index.ts";
import { type ImportCode, ImportFailure } from "./errors.ts";
import type { Value } from "./value.ts";

const mostProblems = 200;

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
      if (error instanceof ImportFailure) this.add(error.at(where, loc));
      else if (error instanceof TersorError) this.add(...error.problems.map((p) => ({ ...p, where, loc })));
      else if (isDimFault(error)) this.add(new ImportFailure("E0606", `the sizes are impossible: ${error.message}`).at(where, loc));
      else throw error;
      return null;
    }
  }

  /** Nobody reads more, and a model of nothing but mistakes must not fill the memory. */
  private add(...problems: readonly Problem[]): void {
    this.problems.push(...problems.slice(0, Math.max(0, mostProblems - this.problems.length)));
  }

  report(code: ImportCode, message: string, where: string, loc: Location): void {
    this.add({ code, message, where, loc });
  }

  /** The file, or a node or initializer in it. */
  place(part?: string): Location {
    return [{ file: this.fileName, parts: part === undefined ? [] : [part] }];
  }
}
