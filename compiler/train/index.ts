/** @file Training: steps, optimizers, schedules, the loop. */
export { type Differentiated, type DifferentiateOptions, differentiate, type LeafPort } from "../autodiff/differentiate.ts";
export { TRAINING_ERRORS, type TrainingErrorCode } from "../autodiff/errors.ts";
export { freeze, writeLeaves } from "../autodiff/freeze.ts";
export { relax, unrelax } from "../autodiff/relax.ts";
export { type AccuracyOptions, accuracy } from "./accuracy.ts";
export { type Feed, feedOf } from "./feed.ts";
export { initialize } from "./init.ts";
export { trainableLeaves } from "./leaves.ts";
export { type EpochRecord, type Trained, type TrainOptions, type TrainProgress, train } from "./loop.ts";
export type { LossName } from "./loss.ts";
export { type AdamOptions, adam } from "./optimizers/adam.ts";
export type { Operands, Optimizer, OptimizerState, UpdateContext, Updated } from "./optimizers/optimizer.ts";
export { type SgdOptions, sgd } from "./optimizers/sgd.ts";
export { type CosineOptions, constantRate, cosine, type Schedule } from "./schedule.ts";
export { type StatePort, type TrainStep, type TrainStepOptions, trainStep } from "./step.ts";
