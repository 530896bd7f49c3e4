/** @file `remember-statistics`: what the layers of the module give now, for passes that repair it after compression. */
import { definePass, type Layer, option, type PassContext } from "../../compiler/index.ts";
import { type Module, ModuleEditor, TersorError } from "../../ir-spec/index.ts";
import { namedLayers, type OutputStatistics, outputStatistics, withStatistics } from "./statistics.ts";

export const rememberStatistics = definePass({
  name: "remember-statistics",
  doc: "Keeps mean and deviation of every layer's output channels, as targets for correct-bias and correct-statistics.",
  stage: "compress",
  before: ["correct-bias", "correct-statistics"],
  options: {
    samples: option.integer("Samples of the data to take them from, at most 1024.", 256, { min: 1 }),
  },
  async run(module, ctx, { samples }) {
    const { calibration } = ctx;
    if (!calibration) throw noData("remember-statistics");
    const layers = namedLayers(module);
    const progress = (fraction: number, note?: string) => ctx.progress(fraction, note);
    const found = await calibration.collect(module, { grams: layers.values() }, { samples, progress });
    const kept = new Map<string, OutputStatistics>();
    for (const [name, layer] of layers) {
      const gram = found.gram(layer);
      const statistics = gram && finite(outputStatistics(module, ctx.registry, layer, gram));
      if (statistics) kept.set(name, statistics);
      else ctx.warn(`${name}: ${gram ? "its outputs are NaN or infinite" : "it has too many columns for a Gram matrix"}: not remembered`);
    }
    const editor = new ModuleEditor(module, ctx.registry);
    editor.set({ meta: withStatistics(module.meta, kept) });
    return editor.freeze();
  },
});

function finite(statistics: OutputStatistics): OutputStatistics | null {
  return [...statistics.mean, ...statistics.deviation].every(Number.isFinite) ? statistics : null;
}

export function noData(pass: string): TersorError {
  return new TersorError({
    code: "E0720",
    message: `${pass} looks at what layers give for data, and there is none`,
    hint: "give --data SPEC (compile({ data }) in a program): unlabelled samples like those the model will see",
  });
}

/** Statistics of one layer of the module as it is. null: too large, or not finite. */
export async function statisticsOf(module: Module, ctx: PassContext, layer: Layer, samples: number): Promise<OutputStatistics | null> {
  if (!ctx.calibration) return null;
  const found = await ctx.calibration.collect(module, { grams: [layer] }, { samples });
  const gram = found.gram(layer);
  return gram && finite(outputStatistics(module, ctx.registry, layer, gram));
}
