/** @file Data movement that cancels: identity reshapes and transposes, chains of them. */
import { shapeEquals } from "../../../ir-spec/index.ts";
import type { Rewrite } from "../../rewrite/rewrite.ts";

const identityReshape: Rewrite = {
  name: "identity-reshape",
  doc: "A reshape or broadcast to the shape that its operand has already.",
  ops: ["shape.reshape", "shape.broadcast"],
  apply(op, { body }) {
    const x = op.operands[0] ?? null;
    return x !== null && shapeEquals(body.typeOf(x).shape, body.info(op.results[0] as number).type.shape) ? [x] : null;
  },
};

const reshapeOfReshape: Rewrite = {
  name: "reshape-of-reshape",
  doc: "The first of two reshapes does not matter when the second names every size.",
  ops: ["shape.reshape"],
  apply(op, { body, soleProducer }) {
    const first = soleProducer(op.operands[0], "shape.reshape");
    if (!first) return null;
    const { shape } = body.info(op.results[0] as number).type;
    return [body.one("shape.reshape", [first.operands[0] ?? null], { shape })];
  },
};

const transposeOfTranspose: Rewrite = {
  name: "transpose-of-transpose",
  doc: "Two transposes are one.",
  ops: ["shape.transpose"],
  apply(op, { body, attrs, soleProducer }) {
    const first = soleProducer(op.operands[0], "shape.transpose");
    if (!first) return null;
    const inner = attrs(first).perm as readonly number[];
    const outer = attrs(op).perm as readonly number[];
    return [body.one("shape.transpose", [first.operands[0] ?? null], { perm: outer.map((axis) => inner[axis]) })];
  },
};

const identityTranspose: Rewrite = {
  name: "identity-transpose",
  doc: "A transpose that keeps the order of axes.",
  ops: ["shape.transpose"],
  apply(op, { attrs }) {
    const perm = attrs(op).perm as readonly number[];
    return perm.every((axis, i) => axis === i) ? [op.operands[0] ?? null] : null;
  },
};

const identitySlice: Rewrite = {
  name: "identity-slice",
  doc: "A slice that takes everything, forwards.",
  ops: ["shape.slice"],
  apply(op, { body, attrs }) {
    const x = op.operands[0] ?? null;
    const forwards = (attrs(op).steps as readonly number[]).every((step) => step > 0);
    return forwards && shapeEquals(body.typeOf(x).shape, body.info(op.results[0] as number).type.shape) ? [x] : null;
  },
};

export const movementRewrites: readonly Rewrite[] = [
  identityReshape,
  reshapeOfReshape,
  transposeOfTranspose,
  identityTranspose,
  identitySlice,
];
