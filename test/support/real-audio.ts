/** @file The recording of a minute of speech at 16 kHz, cut as the speech models take it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type HostTensor, hostTensor } from "../../ir-spec/index.ts";
import { DATA } from "./data.ts";

let samples: Float32Array | null = null;

/** Mono, -1 .. 1. RIFF: chunks of a name, a length and a body; `data` holds the 16-bit samples. */
export function speech(): Float32Array {
  if (samples) return samples;
  const file = readFileSync(join(DATA, "audio/speech-60s-16k.wav"));
  const at = file.indexOf("data", 12, "latin1");
  if (at < 0) throw new Error("the recording has no data chunk");
  const count = file.readUInt32LE(at + 4) >> 1;
  samples = Float32Array.from({ length: count }, (_, i) => file.readInt16LE(at + 8 + 2 * i) / 32768);
  return samples;
}

/** `[1, length]` from sample `from` on; what lies before the recording is silence. */
export function frame(from: number, length: number): HostTensor {
  const data = Float32Array.from({ length }, (_, i) => speech()[from + i] ?? 0);
  return hostTensor("f32", [1, length], data);
}

/** Magnitude and phase of the `n / 2 + 1` frequencies of n real samples, by the definition. */
export function spectrum(signal: ArrayLike<number>): { readonly magnitude: Float32Array; readonly phase: Float32Array } {
  const n = signal.length;
  const magnitude = new Float32Array(n / 2 + 1);
  const phase = new Float32Array(n / 2 + 1);
  for (let k = 0; k < magnitude.length; k++) {
    let [re, im] = [0, 0];
    for (let t = 0; t < n; t++) {
      const angle = (-2 * Math.PI * ((k * t) % n)) / n;
      re += (signal[t] as number) * Math.cos(angle);
      im += (signal[t] as number) * Math.sin(angle);
    }
    magnitude[k] = Math.hypot(re, im);
    phase[k] = Math.atan2(im, re);
  }
  return { magnitude, phase };
}

/** The real signal of n samples with this spectrum. */
export function fromSpectrum(magnitude: ArrayLike<number>, phase: ArrayLike<number>, n: number): Float32Array {
  return Float32Array.from({ length: n }, (_, t) => {
    let sum = 0;
    for (let k = 0; k <= n / 2; k++) {
      const weight = k === 0 || k === n / 2 ? 1 : 2;
      sum += weight * (magnitude[k] as number) * Math.cos((2 * Math.PI * ((k * t) % n)) / n + (phase[k] as number));
    }
    return sum / n;
  });
}
