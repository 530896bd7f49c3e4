/**
 * @file Convolution and its two gradients as products of small matrices: the windows of a chunk of output positions are gathered into rows (im2col), so that
 * all work is `addProducts`. Chunks keep the gathered rows inside a cache. Any number of spatial axes.
 */
import { addProducts, transposed } from "./dot-products.ts";
import { copyCropped, copyPadded, type Steps, type Windows, windowsOver } from "./window.ts";

export interface ConvGeometry {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly output: readonly number[];
  readonly steps: Steps;
}

/** Elements of gathered windows at a time: 256 KiB. */
const chunkElements = 32768;

interface Job {
  readonly windows: Windows;
  /** Channels of one group. */
  readonly ins: number;
  readonly outs: number;
  /** Elements of one window, and positions of one result plane. */
  readonly depth: number;
  readonly positions: number;
  readonly inPlane: number;
}

function jobOf(g: ConvGeometry): Job {
  const ins = g.inChannels / g.groups;
  const windows = windowsOver(ins, g.input, g.kernel, g.output, g.steps);
  const inPlane = g.input.reduce((product, n) => product * n, 1);
  return { windows, ins, outs: g.outChannels / g.groups, depth: windows.offsets.length, positions: windows.bases.length, inPlane };
}

/** Calls back for each group of each sample: start of its input planes, its result planes and its weights. */
function eachGroup(g: ConvGeometry, job: Job, body: (inAt: number, outAt: number, weightAt: number, group: number) => void): void {
  for (let n = 0; n < g.batch; n++) {
    for (let group = 0; group < g.groups; group++) {
      const inAt = (n * g.inChannels + group * job.ins) * job.inPlane;
      const outAt = (n * g.outChannels + group * job.outs) * job.positions;
      body(inAt, outAt, group * job.outs * job.depth, group);
    }
  }
}

function eachChunk(job: Job, body: (from: number, to: number) => void): void {
  const size = Math.max(8, Math.floor(chunkElements / Math.max(1, job.depth)));
  for (let from = 0; from < job.positions; from += size) body(from, Math.min(job.positions, from + size));
}

/** The planes with zeros around them: a view where there is nothing to add. */
function paddedPlanes(windows: Windows, planes: Float64Array, at: number, room: Float64Array): Float64Array {
  if (windows.unpadded) return planes.subarray(at, at + windows.padded);
  copyPadded(windows, planes, at, room);
  return room;
}

/** y[n, o, p] = bias[o] + sum over the window at p of x * weight. */
export function convolve(g: ConvGeometry, x: Float64Array, weight: Float64Array, bias: Float64Array | null): Float64Array {
  const job = jobOf(g);
  const { windows, outs, depth, positions } = job;
  const y = new Float64Array(g.batch * g.outChannels * positions);
  if (bias)
    for (let row = 0; row < g.batch * g.outChannels; row++)
      y.fill(bias[row % g.outChannels] as number, row * positions, (row + 1) * positions);
  const room = new Float64Array(windows.padded);
  const gathered = new Float64Array(Math.max(8 * depth, chunkElements));
  eachGroup(g, job, (inAt, outAt, weightAt) => {
    const planes = paddedPlanes(windows, x, inAt, room);
    const rows = weight.subarray(weightAt, weightAt + outs * depth);
    eachChunk(job, (from, to) => {
      gatherWindows(windows, planes, from, to, gathered);
      addProducts(outs, to - from, depth, rows, gathered, y, outAt + from, positions);
    });
  });
  return y;
}

/** d loss / d weight: sum over samples and positions of dy * window. */
export function convolveWeightGradient(g: ConvGeometry, x: Float64Array, dy: Float64Array): Float64Array {
  const job = jobOf(g);
  const { windows, outs, depth, positions } = job;
  const gradient = new Float64Array(g.outChannels * depth);
  const room = new Float64Array(windows.padded);
  const gathered = new Float64Array(Math.max(8 * depth, chunkElements));
  eachGroup(g, job, (inAt, outAt, weightAt) => {
    const planes = paddedPlanes(windows, x, inAt, room);
    eachChunk(job, (from, to) => {
      gatherElements(windows, planes, from, to, gathered);
      const part = new Float64Array(outs * (to - from));
      for (let o = 0; o < outs; o++) part.set(dy.subarray(outAt + o * positions + from, outAt + o * positions + to), o * (to - from));
      addProducts(outs, depth, to - from, part, gathered, gradient, weightAt, depth);
    });
  });
  return gradient;
}

/** d loss / d x: every dy * weight added back where the window read x. */
export function convolveInputGradient(g: ConvGeometry, dy: Float64Array, weight: Float64Array): Float64Array {
  const job = jobOf(g);
  const { windows, outs, depth, positions } = job;
  const gradient = new Float64Array(g.batch * g.inChannels * job.inPlane);
  const columns = Array.from({ length: g.groups }, (_, group) => transposed(weight, group * outs * depth, outs, depth));
  const room = new Float64Array(windows.padded);
  const spread = new Float64Array(Math.max(8 * depth, chunkElements));
  eachGroup(g, job, (inAt, outAt, _, group) => {
    room.fill(0);
    eachChunk(job, (from, to) => {
      const part = dyRows(dy, outAt, outs, positions, from, to);
      spread.fill(0, 0, (to - from) * depth);
      addProducts(to - from, depth, outs, part, columns[group] as Float64Array, spread, 0, depth);
      scatterWindows(windows, spread, from, to, room);
    });
    copyCropped(windows, room, gradient, inAt);
  });
  return gradient;
}

/** dy of positions from..to as rows over the group's channels. */
function dyRows(dy: Float64Array, at: number, outs: number, positions: number, from: number, to: number): Float64Array {
  const rows = new Float64Array((to - from) * outs);
  for (let o = 0; o < outs; o++) {
    const start = at + o * positions;
    for (let p = from; p < to; p++) rows[(p - from) * outs + o] = dy[start + p] as number;
  }
  return rows;
}

/** One window per row: [positions, depth]. */
function gatherWindows({ bases, offsets }: Windows, planes: Float64Array, from: number, to: number, into: Float64Array): void {
  const depth = offsets.length;
  for (let p = from, at = 0; p < to; p++, at += depth) {
    const base = bases[p] as number;
    for (let k = 0; k < depth; k++) into[at + k] = planes[base + (offsets[k] as number)] as number;
  }
}

/** One window element per row: [depth, positions]. */
function gatherElements({ bases, offsets }: Windows, planes: Float64Array, from: number, to: number, into: Float64Array): void {
  const width = to - from;
  for (let k = 0; k < offsets.length; k++) {
    const offset = offsets[k] as number;
    const at = k * width - from;
    for (let p = from; p < to; p++) into[at + p] = planes[(bases[p] as number) + offset] as number;
  }
}

function scatterWindows({ bases, offsets }: Windows, rows: Float64Array, from: number, to: number, into: Float64Array): void {
  const depth = offsets.length;
  for (let p = from, at = 0; p < to; p++, at += depth) {
    const base = bases[p] as number;
    for (let k = 0; k < depth; k++) {
      const i = base + (offsets[k] as number);
      into[i] = (into[i] as number) + (rows[at + k] as number);
    }
  }
}
