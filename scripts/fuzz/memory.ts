/**
 * @file How much memory a case takes: V8's heap, array buffers and WebAssembly memories together (`usedHeapSize + externalMemory`), looked at before every garbage collection
 * during the case and at its end, less what was there after the last full collection. Garbage counts, so it is an upper bound; a case above the limit is run once more from a clean heap.
 */
import { GCProfiler, getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Garbage that may lie about before a case begins. */
const tolerated = 16 * 2 ** 20;

export class MemoryMeter {
  private floor = 0;

  constructor() {
    this.clean();
  }

  /** A full collection: the next case begins from here. */
  clean(): void {
    collect();
    this.floor = current();
  }

  /** Runs it. @returns its value and the most bytes that it took */
  async measure<T>(body: () => Promise<T>): Promise<{ readonly value: T; readonly bytes: number }> {
    if (current() - this.floor > tolerated) this.clean();
    const profiler = new GCProfiler();
    profiler.start();
    const value = await body();
    const end = current();
    const { statistics } = profiler.stop();
    const peaks = statistics.map(({ beforeGC }) => {
      const { usedHeapSize, externalMemory } = beforeGC.heapStatistics;
      return usedHeapSize + externalMemory;
    });
    return { value, bytes: Math.max(end, ...peaks) - this.floor };
  }
}

function current(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}
