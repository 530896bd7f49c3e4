/**
 * @file Indices of axes that stand or fall together: a union-find over (place, axis, index), where a place is a value or a constant. A class may be fixed, with a reason that is kept when classes
 * merge. Axes of size 1 and of symbolic size have no indices here: they are never cut.
 */
import type { Dim } from "../../ir-spec/index.ts";

export class IndexClasses {
  private readonly parents: number[] = [];
  private readonly reasons: (string | null)[] = [];
  private readonly first = new Map<string, readonly (number | null)[]>();
  private readonly shapes = new Map<string, readonly Dim[]>();

  /** Gives the axes of a place their indices, once. */
  add(place: string, shape: readonly Dim[]): void {
    if (this.first.has(place)) return;
    this.shapes.set(place, shape);
    this.first.set(
      place,
      shape.map((dim) => {
        if (typeof dim !== "number" || dim <= 1) return null;
        const at = this.parents.length;
        for (let i = 0; i < dim; i++) this.reasons.push(null);
        for (let i = 0; i < dim; i++) this.parents.push(at + i);
        return at;
      }),
    );
  }

  places(): Iterable<string> {
    return this.first.keys();
  }

  shape(place: string): readonly Dim[] {
    return this.shapes.get(place) ?? [];
  }

  /** Indices of an axis that may be cut; 0 for others. */
  size(place: string, axis: number): number {
    return this.node(place, axis, 0) === null ? 0 : (this.shape(place)[axis] as number);
  }

  /** The number of an index; null on an axis without any. */
  node(place: string, axis: number, index: number): number | null {
    const first = this.first.get(place)?.[axis] ?? null;
    return first === null ? null : first + index;
  }

  root(node: number): number {
    let current = node;
    while (this.parents[current] !== current) {
      this.parents[current] = this.parents[this.parents[current] as number] as number;
      current = this.parents[current] as number;
    }
    return current;
  }

  /** The lower number is the root, so that classes do not depend on the order of ties. */
  tie(a: number, b: number): void {
    const [p, q] = [this.root(a), this.root(b)];
    if (p === q) return;
    const [low, high] = p < q ? [p, q] : [q, p];
    this.parents[high] = low;
    this.reasons[low] ??= this.reasons[high] ?? null;
  }

  fix(node: number, reason: string): void {
    this.reasons[this.root(node)] ??= reason;
  }

  fixAxis(place: string, axis: number, reason: string): void {
    const size = this.size(place, axis);
    for (let i = 0; i < size; i++) this.fix(this.node(place, axis, i) as number, reason);
  }

  fixAll(place: string, reason: string): void {
    for (let axis = 0; axis < this.shape(place).length; axis++) this.fixAxis(place, axis, reason);
  }

  /** Why the class of an index may not be cut; null when it may. */
  reason(node: number): string | null {
    return this.reasons[this.root(node)] ?? null;
  }

  /** Whether some index of the axis may be cut. */
  isFree(place: string, axis: number): boolean {
    const size = this.size(place, axis);
    for (let i = 0; i < size; i++) if (this.reason(this.node(place, axis, i) as number) === null) return true;
    return false;
  }

  /** Roots of the classes on an axis, each with its indices there. */
  classesOn(place: string, axis: number): ReadonlyMap<number, readonly number[]> {
    const classes = new Map<number, number[]>();
    const size = this.size(place, axis);
    for (let i = 0; i < size; i++) {
      const root = this.root(this.node(place, axis, i) as number);
      const list = classes.get(root);
      if (list) list.push(i);
      else classes.set(root, [i]);
    }
    return classes;
  }
}
