/** @file Placing the values of a plan with very many steps: nothing that is alive at once overlaps, in time that does not grow with the square of the steps. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { alignment, type Interval, placeIntervals } from "../../runtime/backends/wasm/arena.ts";
import { FuzzRandom } from "../../scripts/fuzz/random.ts";

function randomIntervals(count: number, longest: number): readonly Interval[] {
  const random = new FuzzRandom(count, longest);
  return Array.from({ length: count }, (_, first) => ({ bytes: 1 + random.below(4000), first, last: first + random.below(longest) }));
}

for (const [count, longest] of [
  [3000, 3],
  [3000, 200],
  [2500, 2500],
] as const) {
  test(`${count} values that live for up to ${longest} steps do not overlap`, () => {
    const intervals = randomIntervals(count, longest);
    const { offsets, bytes } = placeIntervals(intervals);
    intervals.forEach((a, i) => {
      const [at, end] = [offsets[i] as number, (offsets[i] as number) + a.bytes];
      assert.is(at % alignment, 0);
      assert.ok(end <= bytes);
      for (let j = i + 1; j < intervals.length && (intervals[j] as Interval).first <= a.last; j++) {
        const other = offsets[j] as number;
        assert.ok(end <= other || other + (intervals[j] as Interval).bytes <= at, `${i} and ${j} overlap`);
      }
    });
  });
}

test("bytes are used again: not much more than what is alive at the fullest step", () => {
  const intervals = randomIntervals(5000, 20);
  const alive = new Float64Array(5021);
  for (const { bytes, first, last } of intervals) for (let at = first; at <= last; at++) alive[at] = (alive[at] as number) + bytes;
  assert.ok(
    placeIntervals(intervals).bytes < 1.6 * Math.max(...alive),
    `${placeIntervals(intervals).bytes} bytes for ${Math.max(...alive)}`,
  );
});

test("40,000 values, a few alive at once or all, take less than two seconds", () => {
  for (const longest of [5, 40_000]) {
    const intervals = randomIntervals(40_000, longest);
    const spent = process.cpuUsage();
    placeIntervals(intervals);
    assert.ok(process.cpuUsage(spent).user < 2e6, `${process.cpuUsage(spent).user / 1000} ms`);
  }
});

test.run();
