/** @file Removing filters: counts, limits, errors, repair against ml-matrix, and real networks against ONNX Runtime on the same networks with the filters set to zero. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Matrix, solve } from "ml-matrix";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { channelGroupsOf, dataSet, exportOnnx, importOnnx, interpret, preparePipeline, sessionExecutor, verifyModule } from "../../compiler/index.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { type HostTensor, hostTensor, type Module, mainFunction, toNumbers } from "../../ir-spec/index.ts";
import { Cut } from "../../plugins/prune/cut.ts";
import { applyCut, planCut, zeroChannels } from "../../plugins/prune/remove-channels.ts";
import { leastSquares } from "../../plugins/prune/repair.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { failure, registry, run } from "../passes/support.ts";
import { DATA, hasData } from "../support/data.ts";
import { ort, runOrt } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { need } from "../support/skip.ts";
import { normals, oneLayer, twoLayers, valuesOf, withValues } from "./support.ts";
