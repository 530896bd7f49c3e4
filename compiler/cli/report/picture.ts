/** @file The picture of a layer: the distribution of its weights before (outline) and after (filled), on a square-root scale so that the tails show. */
import type { ReportLayer } from "./layers.ts";
import { escapeHtml } from "./text.ts";

const [width, height] = [480, 120];

export function picture({ name, histogram }: ReportLayer): string {
  const { before, after, low, high } = histogram;
  const most = Math.max(1, ...before, ...after);
  const ends = [low.toPrecision(3), high.toPrecision(3)] as const;
  const label = `Distribution of the weights of ${name} from ${ends[0]} to ${ends[1]}, before and after`;
  const texts = `<text x="0" y="${height + 13}">${ends[0]}</text><text x="${width}" y="${height + 13}" text-anchor="end">${ends[1]}</text>`;
  return `<svg viewBox="0 0 ${width} ${height + 16}" role="img" aria-label="${escapeHtml(label)}">${bars(after, "after", most)}${bars(before, "before", most)}${texts}</svg>`;
}

function bars(counts: readonly number[], kind: "before" | "after", most: number): string {
  const step = width / counts.length;
  return counts
    .map((count, i) => {
      const size = height * Math.sqrt(count / most);
      const box = `x="${(i * step).toFixed(1)}" y="${(height - size).toFixed(1)}" width="${(step - 1).toFixed(1)}" height="${size.toFixed(1)}"`;
      return count === 0 ? "" : `<rect class="${kind}" ${box}/>`;
    })
    .join("");
}
