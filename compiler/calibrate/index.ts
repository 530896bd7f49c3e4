/** @file Calibration: data through the module once, intermediate values to observers. */
export { type Calibrated, type CalibrationOptions, calibrate, calibrateRanges } from "./calibrate.ts";
export { type ChannelStatistics, channelAxis } from "./channels.ts";
export type { Divergence } from "./divergence.ts";
export { type Gram, mostGramSize } from "./gram.ts";
export { type Histogram, histogramBins } from "./histogram.ts";
export { type Observer, type Range, RangeObserver } from "./observer.ts";
export {
  type CalibrationFindings,
  type CalibrationRequest,
  type CalibrationRunOptions,
  type CalibrationService,
  calibrationService,
} from "./service.ts";
export { type SessionExecutor, type SessionExecutorOptions, sessionExecutor } from "./session-executor.ts";
