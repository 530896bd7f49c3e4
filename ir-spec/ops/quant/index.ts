/** @file The dialect `quant`: uniform affine quantization. */
import type { OpDef } from "../define.ts";
import { fake } from "./fake.ts";
import { dequantize, quantize } from "./quantize.ts";

export const quantOps: readonly OpDef[] = [quantize, dequantize, fake];
