/** @file Names of one kind in a graph: each is given out once, a taken one gets a number. Constant time for names that many ask for. */
export class Names {
  private readonly taken = new Set<string>();
  private readonly next = new Map<string, number>();

  /** `base`, or `base.2`, `base.3`... */
  fresh(base: string): string {
    if (!this.taken.has(base)) {
      this.taken.add(base);
      return base;
    }
    let number = this.next.get(base) ?? 2;
    while (this.taken.has(`${base}.${number}`)) number++;
    this.next.set(base, number + 1);
    const name = `${base}.${number}`;
    this.taken.add(name);
    return name;
  }
}
