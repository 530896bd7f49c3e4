/** @file The fuzzer's random source: splitmix32 from a seed, the kind and the number of the case, so that each case can be replayed alone. */

export class FuzzRandom {
  private state: number;

  constructor(...seeds: readonly (number | string)[]) {
    this.state = 0x9e3779b9;
    for (const seed of seeds) for (const part of String(seed)) this.state = mix((this.state ^ part.charCodeAt(0)) + 0x9e3779b9);
  }

  /** 32 random bits. */
  bits(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    return mix(this.state) >>> 0;
  }

  /** An integer from 0 up to, not including, `limit`; 0 for an empty range. */
  below(limit: number): number {
    return limit <= 1 ? 0 : Math.floor((this.bits() / 2 ** 32) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("nothing to pick from");
    return items[this.below(items.length)] as T;
  }

  /** A place and a length inside `total`, short ones more often. */
  span(total: number): readonly [start: number, length: number] {
    const start = this.below(total);
    const most = Math.min(total - start, this.pick([4, 16, 64, 1024, total]));
    return [start, 1 + this.below(most)];
  }

  /** Numbers that break things, in 64 bits. */
  integer(): bigint {
    return this.pick<() => bigint>([
      () => BigInt(this.below(20)),
      () => BigInt(this.below(300)),
      () => -BigInt(this.below(20)),
      () => 1n << BigInt(this.below(64)),
      () => (1n << BigInt(this.below(64))) - 1n,
      () => -(1n << BigInt(this.below(63))),
      () => this.pick(edges),
      () => BigInt(this.bits()) * BigInt(this.bits()),
    ])();
  }
}

const edges = [
  0n,
  1n,
  -1n,
  2n,
  7n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  65535n,
  65536n,
  1000003n,
  -2147483648n,
];

function mix(value: number): number {
  let z = value | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}
