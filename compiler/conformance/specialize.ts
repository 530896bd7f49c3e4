/**
 * @file Many tests give shapes, axes and repeats as inputs, where real models have constants. A compiled model must know what decides its shapes, so such inputs are fixed to the
 * test's values: only when the importer says that a value is needed (E0608), and as few as it can do with.
 */
import { type HostTensor, isFloat, type Module, type OpRegistry, TersorError } from "../../ir-spec/index.ts";
import { importOnnx } from "../import/index.ts";

export interface Specialized {
  readonly module: Module;
  /** Names of the fixed inputs, in the model's order. */
  readonly fixed: readonly string[];
}

/** Scales, regions and thresholds: what is longer is data. */
const MOST_FIXED = 64;

/** @throws TersorError with the problems of the model as it is, where fixing inputs does not help. */
export function importFor(model: Uint8Array, registry: OpRegistry, inputs: Readonly<Record<string, HostTensor>>): Specialized {
  const first = attempt(model, registry, {});
  if (!(first instanceof TersorError)) return { module: first, fixed: [] };
  if (!first.problems.some(({ code }) => code === "E0608")) throw first;
  const small = (tensor: HostTensor) => tensor.shape.length <= 1 && tensor.data.length <= MOST_FIXED;
  const integers = Object.keys(inputs).filter((name) => !isFloat((inputs[name] as HostTensor).dtype));
  const parameters = Object.keys(inputs).filter((name) => small(inputs[name] as HostTensor));
  for (const names of [integers, parameters, [...new Set([...integers, ...parameters])]]) {
    const module = attempt(model, registry, pick(inputs, names));
    if (!(module instanceof TersorError)) return fewest(model, registry, inputs, { module, fixed: names });
  }
  throw first;
}

/** Lets go of one input after the other while the import still succeeds. */
function fewest(model: Uint8Array, registry: OpRegistry, inputs: Readonly<Record<string, HostTensor>>, start: Specialized): Specialized {
  let best = start;
  for (const name of start.fixed) {
    const fixed = best.fixed.filter((other) => other !== name);
    const module = attempt(model, registry, pick(inputs, fixed));
    if (!(module instanceof TersorError)) best = { module, fixed };
  }
  return best;
}

function pick(inputs: Readonly<Record<string, HostTensor>>, names: readonly string[]): Record<string, HostTensor> {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => names.includes(name)));
}

function attempt(model: Uint8Array, registry: OpRegistry, fixed: Readonly<Record<string, HostTensor>>): Module | TersorError {
  try {
    return importOnnx(model, { registry, fixed });
  } catch (error) {
    if (error instanceof TersorError) return error;
    throw error;
  }
}
