/** @file Public entry `tersor/testing`: filetests, random modules, equivalence, gradient check. */
export { checkEquivalent, compareTensors, type Equivalence, type EquivalenceOptions } from "./equivalence.ts";
export { type FileTestReport, type FileTestTools, runFileTest } from "./filetest/filetest.ts";
export { checkGradient, type GradientCheckOptions } from "./gradient-check.ts";
export { kitOps } from "./kit-ops.ts";
export { type InputOptions, randomInputs, randomTensor } from "./random-inputs.ts";
export { moduleOfSeed, type RandomModuleOptions, randomModule } from "./random-module.ts";
