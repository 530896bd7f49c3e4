/**
 * @file `reestimate-batch-norm`: mean and variance of batch norms taken anew, in order of execution, so that each sees what the norms before it now give. For networks whose norms are not
 * folded, after pruning or quantization. From: Sun et al., "Hybrid 8-bit Floating Point (HFP8) Training and Inference", 2019, section 4 (batch-norm re-tuning); Frantar and Alistarh, 2022.
 */
import { definePass, option } from "../../compiler/index.ts";
import {
  dataConstant,
  encodeTensor,
  hostTensor,
  type Module,
  ModuleEditor,
  mainFunction,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import { usesOf } from "./channels.ts";
import { noData } from "./remember.ts";

export const reestimateBatchNorm = definePass({
  name: "reestimate-batch-norm",
  doc: "Takes mean and variance of batch norms from the data, as the compressed module gives them.",
  stage: "compress",
  after: ["quantize", "share-weights", "prune-magnitude"],
  options: {
    samples: option.integer("Samples of the data to look at, at most 1024; once for every batch norm.", 512, { min: 1 }),
  },
  async run(module, ctx, { samples }) {
    const { calibration } = ctx;
    if (!calibration) throw noData("reestimate-batch-norm");
    const places = mainFunction(module).ops.flatMap((op, i) => (op.name === "nn.batch_norm" ? [i] : []));
    if (places.length === 0) ctx.warn("there is no batch norm: folded networks take correct-statistics");
    let current = module;
    for (const [n, place] of places.entries()) {
      const op = mainFunction(current).ops[place];
      const [x, , , mean, variance] = op?.operands ?? [];
      if (typeof x !== "number" || typeof mean !== "string" || typeof variance !== "string") continue;
      const why = refusal(current, x, mean, variance);
      if (why) {
        ctx.warn(`${mean}: ${why}: left alone`);
        continue;
      }
      const found = (await calibration.collect(current, { channels: [x] }, { samples })).channels(x);
      if (![...found.mean, ...found.variance].every(Number.isFinite)) {
        ctx.warn(`${mean}: its inputs are NaN or infinite: left alone`);
        continue;
      }
      current = replaced(replaced(current, mean, found.mean), variance, found.variance);
      ctx.report({ subject: mean, note: `mean and variance of ${found.count} values a channel` });
      ctx.progress((n + 1) / places.length, mean);
    }
    if (current === module) return module;
    const editor = new ModuleEditor(module, ctx.registry);
    for (const [name, constant] of current.constants) if (module.constants.get(name) !== constant) editor.setConstant(constant);
    return editor.freeze();
  },
});

/** Why a norm is left alone. */
function refusal(module: Module, x: ValueId, mean: string, variance: string): string | null {
  const rank = valueInfo(mainFunction(module), x).type.shape.length;
  if (rank === 3) return "statistics of sequences are not taken per channel";
  for (const name of [mean, variance]) {
    if (module.constants.get(name)?.kind !== "data") return `@${name} is no data`;
    if (usesOf(module, name) > 1) return `@${name} has other uses`;
  }
  return null;
}

function replaced(module: Module, name: string, values: Float64Array): Module {
  const old = module.constants.get(name);
  if (!old) return module;
  const bytes = encodeTensor(hostTensor(old.type.dtype, [values.length], Float32Array.from(values)));
  const next = { ...dataConstant(name, old.type, bytes, old.loc), doc: old.doc };
  return { ...module, constants: new Map([...module.constants, [name, next]]) };
}
