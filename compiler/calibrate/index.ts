/** @file Calibration: data through the module once, intermediate values to observers. */
export { type Calibrated, type CalibrationOptions, calibrate, calibrateRanges } from "./calibrate.ts";
export { type Observer, type Range, RangeObserver } from "./observer.ts";
export { type SessionExecutor, type SessionExecutorOptions, sessionExecutor } from "./session-executor.ts";
