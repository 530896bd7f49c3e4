/** @file What a target cannot hold, found from static sizes before anything is lowered. */
import {
  byteLengthOf,
  elementCount,
  type Module,
  mainFunction,
  type Problem,
  printType,
  type TensorType,
  TersorError,
} from "../../ir-spec/index.ts";
import type { TargetSpec } from "./target.ts";

/** @throws TersorError E0807 naming every tensor that is too large, and all constants together where they are. Sizes with symbols are judged when a run binds them. */
export function checkLimits(module: Module, { name: target, limits }: TargetSpec): void {
  if (!limits) return;
  const constants = [...module.constants.values()].map(({ name, type }) => ({ name: `@${name}`, type }));
  const values = mainFunction(module).values.map(({ name, type }, id) => ({ name: `%${name ?? id}`, type }));
  const problems = [...constants, ...values].flatMap(({ name, type }): readonly Problem[] => {
    const bytes = staticBytes(type);
    if (bytes <= limits.tensorBytes) return [];
    return [
      {
        code: "E0807",
        message: `target ${target} holds tensors of at most ${limits.tensorBytes} bytes; ${name} is ${printType(type)}, ${bytes} bytes`,
      },
    ];
  });
  const all = constants.reduce((sum, { type }) => sum + staticBytes(type), 0);
  if (limits.memoryBytes !== null && all > limits.memoryBytes)
    problems.push({
      code: "E0807",
      message: `target ${target} has at most ${limits.memoryBytes} bytes of memory; the constants alone take ${all}`,
    });
  if (problems.length > 0) throw new TersorError(problems);
}

/** 0 where a size is a symbol. */
function staticBytes({ dtype, shape }: TensorType): number {
  const count = elementCount({ dtype, shape });
  return typeof count === "number" ? byteLengthOf(dtype, count) : 0;
}
