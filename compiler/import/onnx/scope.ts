/**
 * @file Names and problems of one graph while it is translated. A subgraph that is translated in place sees the names around it; the body of a function sees only its own. All scopes of
 * a model add to one list of problems.
 */
import { isDimFault, type Location, type Problem, TersorError } from "../../../ir-spec/index.ts";
import { type ImportCode, ImportFailure, Spoiled } from "./errors.ts";
import type { Value } from "./value.ts";

const mostProblems = 200;

/** null: defined, but spoiled by a problem that has been reported. `absent`: an optional input that the caller of a function left out. */
type Entry = Value | null | "absent";

export class Scope {
  readonly problems: Problem[];
  private readonly fileName: string;
  private readonly around: Scope | null;
  /** Labels of the nodes that this scope stands in. */
  private readonly path: readonly string[];
  private readonly values = new Map<string, Entry>();

  /** @param outer the scope that this one stands in, at the node called `label` */
  constructor(fileName: string, outer: { readonly scope: Scope; readonly label: string; readonly sees: boolean } | null = null) {
    this.fileName = fileName;
    this.problems = outer?.scope.problems ?? [];
    this.around = outer?.sees ? outer.scope : null;
    this.path = outer ? [...outer.scope.path, outer.label] : [];
  }

  /** A scope inside of this one. `sees`: whether names that it does not define are looked up here. */
  inner(label: string, sees: boolean): Scope {
    return new Scope(this.fileName, { scope: this, label, sees });
  }

  /** Takes back the problems since there were `count`: of an attempt that is given up. */
  forget(count: number): void {
    this.problems.length = count;
  }

  /** The value, null when it is spoiled, undefined when there is none of this name. */
  get(name: string): Entry | undefined {
    const own = this.values.get(name);
    return own === undefined ? this.around?.get(name) : own;
  }

  /** Whether this very scope defines it. */
  has(name: string): boolean {
    return this.values.has(name);
  }

  define(name: string, value: Entry, where: string, loc: Location): void {
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
      if (error instanceof Spoiled) return null;
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

  /** The file, or a node or initializer in it, with the nodes around it. */
  place(part?: string): Location {
    return [{ file: this.fileName, parts: part === undefined ? this.path : [...this.path, part] }];
  }

  /** `part` with the labels of the nodes around it, for messages. */
  named(part: string): string {
    return JSON.stringify([...this.path, part].join(" > "));
  }
}
