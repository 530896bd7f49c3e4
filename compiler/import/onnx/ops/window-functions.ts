/** @file Windows of signal processing: sums of cosines over one period, a constant of the model since their length must be known. */
import { tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { OpTable, Translate } from "../node.ts";
import { dtypeOf } from "../tensor.ts";
import { longestList } from "../value.ts";

/** y[i] = a0 - a1 cos(t) + a2 cos(2 t), t = 2 pi i / size; the symmetric form ends where it begins. */
const cosines =
  (...[a0, a1, a2]: readonly [number, number, number]): Translate =>
  (node) => {
    const [size = 0] = node.staticIntegers(0, "the size of the window");
    const to = dtypeOf(node.attributes.int("output_datatype", 1), "attribute output_datatype");
    if (size < 0 || size > longestList) node.fail("E0605", `a window of ${size} samples is not supported, at most ${longestList} are`);
    const turn = (2 * Math.PI) / (node.attributes.flag("periodic", true) ? size : size - 1);
    const samples = Array.from({ length: size }, (_, i) => a0 - a1 * Math.cos(turn * i) + a2 * Math.cos(2 * turn * i));
    return node.literal(tensorType(to, [size]), encodeNumbers(to, [size], samples));
  };

export const windowFunctionOps: OpTable = {
  HannWindow: cosines(0.5, 0.5, 0),
  HammingWindow: cosines(25 / 46, 21 / 46, 0),
  BlackmanWindow: cosines(0.42, 0.5, 0.08),
};
