/** @file Operators of detectors: `NonMaxSuppression`, `RoiAlign`; and `Det`. */
import { tensorType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { inSingle } from "./half-precision.ts";

/** Absent: no box at all, any overlap, every score. */
function nonMaxSuppression(node: NodeContext): Value {
  const or = (index: number, value: Value) => (node.has(index) ? node.input(index) : value);
  const operands = [
    node.input(0),
    node.input(1),
    or(2, node.scalar(0, "i64")),
    or(3, node.scalar(0, "f32")),
    or(4, node.scalar(Number.NEGATIVE_INFINITY, "f32")),
  ];
  const attrs = { center: node.attributes.flag("center_point_box", false) };
  const [selected] = node.emitDynamic("dynamic.non_max_suppression", operands, attrs, () => [
    tensorType("i64", [node.freshSymbol("K"), 3]),
  ]);
  return selected as Value;
}

function roiAlign(node: NodeContext): Value {
  const { attributes } = node;
  const size = [attributes.int("output_height", 1), attributes.int("output_width", 1)];
  const coordinates = ["half_pixel", "output_half_pixel"] as const;
  const coordinate = node.opset < 16 ? "output_half_pixel" : attributes.choice("coordinate_transformation_mode", coordinates, "half_pixel");
  return node.emit("nn.roi_align", [node.input(0), node.input(1), node.input(2)], {
    size,
    sampling: attributes.int("sampling_ratio", 0),
    scale: attributes.float("spatial_scale", 1),
    half_pixel: coordinate === "half_pixel",
    mode: attributes.choice("mode", ["avg", "max"], "avg"),
  });
}

export const detectionOps: OpTable = {
  NonMaxSuppression: nonMaxSuppression,
  RoiAlign: inSingle(roiAlign),
  Det: (node) => node.emit("math.det", [node.input(0)]),
};
