/** @file Legalization as a pass: shows the integer ops that a target would run, and lets the reference run them exactly. `lower` does the same for every target by itself. */
import { TersorError } from "../../ir-spec/index.ts";
import { describeFloatCluster, legalize as legalizeModule } from "../lower/legalize/legalize.ts";
import { unsupportedBy } from "../lower/legalize/target.ts";
import { pricesOf } from "../lower/lower.ts";
import { option } from "../pass/options.ts";
import { definePass, type PassContext } from "../pass/pass.ts";
import { builtinTargets } from "../target/builtin.ts";
import type { TargetSpec } from "../target/target.ts";

export const legalize = definePass({
  name: "legalize",
  doc: "Turns dequantize, op, quantize into integer ops (int.conv, int.linear, int.add ...) with the same result to one output step. What has no integer form stays float, with a warning.",
  stage: "legalize",
  options: {
    target: option.string("Only ops that this target has kernels for; empty: every op with an integer form.", ""),
  },
  run(module, ctx, { target }) {
    const spec = target === "" ? null : targetNamed(target, ctx);
    const {
      module: legal,
      integer,
      float,
    } = legalizeModule(module, ctx.registry, spec ? { unsupported: unsupportedBy(spec, pricesOf(module, spec)) } : {});
    if (integer + float.length > 0)
      ctx.report({ subject: "module", note: `${integer} integer, ${float.length} float`, numbers: { integer, float: float.length } });
    for (const cluster of float) ctx.warn(describeFloatCluster(cluster));
    return legal;
  },
});

/** @throws TersorError E0804 */
function targetNamed(name: string, { target }: PassContext): TargetSpec {
  const found = target?.name === name ? target : builtinTargets.find((t) => t.name === name);
  if (found) return found;
  throw new TersorError({ code: "E0804", message: `unknown target "${name}"; there are: ${builtinTargets.map((t) => t.name).join(", ")}` });
}
