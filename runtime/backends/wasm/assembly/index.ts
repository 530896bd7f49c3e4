/** @file The module's exports: the kernels of the wasm backend. Pointers are byte offsets into the imported memory; no kernel allocates. */
export { f32_linear, f32_matmul, f32_matmul_scratch, f32_pack_linear, f32_pack_linear_size, f32_pack_matmul } from "./gemm";
export { f32_conv2d, f32_conv2d_scratch } from "./conv";
export { f32_conv2d_depthwise } from "./depthwise";
export { f32_conv3d, f32_conv3d_scratch } from "./conv3d";
export { f32_conv_input_grad, f32_conv_input_grad_scratch } from "./transposedconv";
export { f32_avg_pool, f32_max_pool } from "./pool";
export {
  f32_abs, f32_ceil, f32_clip, f32_erf, f32_exp, f32_floor, f32_leaky_relu, f32_log, f32_neg, f32_reciprocal, f32_relu, f32_round,
  f32_sigmoid, f32_softplus, f32_sqrt, f32_tanh,
} from "./unary";
export { f32_binary, f32_binary_scalar_a, f32_binary_scalar_b, f32_binary_strided } from "./binary";
export { f32_gru_reset, f32_gru_update, f32_lstm_gates } from "./recurrent";
export { f32_log_softmax, f32_reduce_max, f32_reduce_mean, f32_reduce_min, f32_reduce_prod, f32_reduce_sum, f32_softmax } from "./reduce";
export { top_k } from "./topk";
export { element_places, gather_at, scatter_at, slice_places } from "./indexing";
export { copy_blocks, copy_strided, gather_i32, gather_i64, pad_constant } from "./move";
export {
  f32_expand_mask, i2_unpack_i8, i4_unpack_i8, u1_unpack_u8, u2_lookup_f32, u2_unpack_u8, u4_lookup_f32, u4_unpack_u8, u8_expand_mask,
  u8_lookup_f32,
} from "./codes";
export {
  dequantize_f32, f32_quantize, f32_quantize_i8, f32_quantize_u8, i2_dequantize_f32, i32_dequantize_f32, i4_dequantize_f32, i8_dequantize_f32, u2_dequantize_f32,
  u4_dequantize_f32, u8_dequantize_f32,
} from "./quantize";
export { bf16_cast_f32, convert, f16_cast_f32, f32_fill, i32_cast_f32, i8_cast_f32, u8_cast_f32 } from "./cast";
export { i8_conv2d, i8_conv2d_grouped, i8_conv2d_grouped_scratch, i8_conv2d_scratch } from "./intconv";
export { i8_pack_conv, i8_pack_conv_size } from "./intpack";
export { i8_linear, i8_linear_scratch, i8_pack_linear } from "./intlinear";
export { i8_add, i8_lookup, i8_requantize } from "./intelementwise";
export { i8_avg_pool, i8_avg_pool_scratch, i8_max_pool, i8_max_pool_scratch, i8_mean } from "./intpool";
export { i8_conv_sums, i8_matmul, i8_sums_scratch } from "./intsums";
export { cumulate, int_argmax, int_binary, int_reduce, int_unary, where_run } from "./integer";
