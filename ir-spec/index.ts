/** @file Public entry `tersor/ir`: what a program is. */
export * from "./core/attr.ts";
export * from "./core/constant.ts";
export * from "./core/dim.ts";
export * from "./core/dtype.ts";
export * from "./core/editor.ts";
export * from "./core/float-bits.ts";
export * from "./core/graph.ts";
export * from "./core/hash.ts";
export * from "./core/location.ts";
export * from "./core/problem.ts";
export * from "./core/tensor.ts";
export * from "./core/type.ts";
export * from "./ops/attr-spec.ts";
export * from "./ops/define.ts";
export * from "./ops/evaluate.ts";
export * from "./ops/infer.ts";
export * from "./ops/registry.ts";
