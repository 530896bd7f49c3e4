/** @file The plan for a target, made in the way that the target asks for. */
import type { Module, OpRegistry } from "../../ir-spec/index.ts";
import type { TargetSpec } from "../target/target.ts";
import { type Lowered, lower } from "./lower.ts";
import { narrowFloats } from "./narrow-floats.ts";
import { lowerToOnnxGraph } from "./ort-plan.ts";

/** @throws TersorError E0801, E0806: everything that the target cannot run; E0802 for a target without plans */
export function planFor(module: Module, target: TargetSpec, registry: OpRegistry): Lowered {
  if (target.style === "onnx-graph") return lowerToOnnxGraph(module, target, registry);
  return lower(target.floats ? narrowFloats(module, registry, target.floats) : module, target, registry);
}
