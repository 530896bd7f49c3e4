/** @file Ops of detectors, pools' indices, determinants. */
import { attribute } from "../builder.ts";
import type { ExportTable, OpCall, ResultNode } from "../call.ts";
import { maxPoolAttrs } from "./pool.ts";

const wide = (op: OpCall, index: number): string => (op.type(index).dtype === "i64" ? op.input(index) : op.cast(op.input(index), "i64"));

/** The second output of a pool whose first nobody reads. */
function maxPoolIndex(op: OpCall): ResultNode {
  const [, indices = ""] = op.nodes("MaxPool", [op.input(0)], maxPoolAttrs(op), 2);
  return op.result("Identity", [indices]);
}

/** Before opset 16 there are no half pixels. */
function roiAlign(op: OpCall): ResultNode {
  const half = op.flag("half_pixel");
  if (half && op.opset < 16) op.fail("E1002", "ONNX aligns regions to half pixels since opset 16", "export with a newer opset");
  const [height = 1, width = 1] = op.ints("size");
  return op.result("RoiAlign", [op.input(0), op.input(1), wide(op, 2)], {
    mode: attribute.string(op.attr("mode")),
    output_height: attribute.int(height),
    output_width: attribute.int(width),
    sampling_ratio: attribute.int(op.int("sampling")),
    spatial_scale: attribute.float(op.float("scale")),
    ...(op.opset < 16 ? {} : { coordinate_transformation_mode: attribute.string(half ? "half_pixel" : "output_half_pixel") }),
  });
}

export const visionRows: ExportTable = {
  "nn.max_pool_index": maxPoolIndex,
  "nn.roi_align": roiAlign,
  "math.det": (op) => op.result("Det", [op.input(0)]),
  "dynamic.non_max_suppression": (op) =>
    op.result("NonMaxSuppression", [op.input(0), op.input(1), wide(op, 2), op.input(3), op.input(4)], {
      center_point_box: attribute.flag(op.flag("center")),
    }),
};
