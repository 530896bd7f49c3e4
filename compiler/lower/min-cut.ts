/**
 * @file A minimum cut of a directed graph: Dinic's algorithm (1970), levels by breadth-first search, then blocking flows along them. Graphs here have a few thousand edges and are cut
 * once per compilation, so nothing is tuned.
 */

interface Edge {
  readonly to: number;
  left: number;
}

/** Less than any difference that matters; sums of floats leave such rests. */
const nothing = 1e-9;

export class FlowGraph {
  /** By node: indices of the edges that leave it. Edge `e ^ 1` is the way back of edge e. */
  private readonly from: number[][] = [];
  private readonly edges: Edge[] = [];

  node(): number {
    return this.from.push([]) - 1;
  }

  /** @param capacity may be infinite */
  edge(from: number, to: number, capacity: number): void {
    this.from[from]?.push(this.edges.push({ to, left: capacity }) - 1);
    this.from[to]?.push(this.edges.push({ to: from, left: 0 }) - 1);
  }

  /**
   * Nodes on the sink's side of a cheapest cut: of several, the one with the fewest nodes there. Flow is pushed into the graph: ask once.
   * @throws RangeError when every cut is infinite
   */
  sinkSide(source: number, sink: number): ReadonlySet<number> {
    for (;;) {
      const levels = this.levels(source);
      if (levels[sink] === undefined) return this.reaching(sink);
      const next = this.from.map(() => 0);
      while (this.push(source, sink, Number.POSITIVE_INFINITY, levels, next) > nothing);
    }
  }

  /** Steps from the source along edges that have capacity left. */
  private levels(source: number): readonly (number | undefined)[] {
    const levels: (number | undefined)[] = [];
    levels[source] = 0;
    const queue = [source];
    for (const node of queue) {
      for (const index of this.from[node] ?? []) {
        const { to, left } = this.at(index);
        if (left <= nothing || levels[to] !== undefined) continue;
        levels[to] = (levels[node] ?? 0) + 1;
        queue.push(to);
      }
    }
    return levels;
  }

  private push(node: number, sink: number, most: number, levels: readonly (number | undefined)[], next: number[]): number {
    if (node === sink) {
      if (most === Number.POSITIVE_INFINITY) throw new RangeError("every cut is infinite");
      return most;
    }
    const out = this.from[node] ?? [];
    for (let i = next[node] ?? 0; i < out.length; i++) {
      next[node] = i;
      const index = out[i] as number;
      const edge = this.at(index);
      if (edge.left <= nothing || levels[edge.to] !== (levels[node] ?? 0) + 1) continue;
      const pushed = this.push(edge.to, sink, Math.min(most, edge.left), levels, next);
      if (pushed <= nothing) continue;
      edge.left -= pushed;
      this.at(index ^ 1).left += pushed;
      return pushed;
    }
    next[node] = out.length;
    return 0;
  }

  /** Nodes from which the sink can still be reached. */
  private reaching(sink: number): ReadonlySet<number> {
    const found = new Set([sink]);
    for (const node of found) {
      for (const index of this.from[node] ?? []) if (this.at(index ^ 1).left > nothing) found.add(this.at(index).to);
    }
    return found;
  }

  private at(index: number): Edge {
    return this.edges[index] as Edge;
  }
}
