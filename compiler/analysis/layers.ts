/**
 * @file The layers of `main` whose result is a matrix times unfolded input: `y = W X`, with W a constant. One view of convolutions, fully connected layers and products by a constant, so that
 * closed-form methods (GPTQ, OBS, least squares, whitened SVD) are written once, over rows (outputs) and columns (inputs of a window).
 */
import {
  countOf,
  evaluateConstant,
  isFloat,
  type Module,
  mainFunction,
  type Op,
  type OpRegistry,
  staticShape,
  toNumbers,
} from "../../ir-spec/index.ts";
import type { Analysis } from "../pass/pass.ts";
import { floatLeaf } from "./weights.ts";

export interface Layer {
  readonly op: Op;
  /** Place of the op in `main`. */
  readonly index: number;
  /** The constant that the op mentions; unique layer names are not promised: a shared weight has several layers. */
  readonly weight: string;
  /** The constant of its definition that holds the elements (`floatLeaf`). */
  readonly leaf: string;
  /** Operand of the op that is unfolded. */
  readonly input: number;
  /** Constant added to the outputs; null where there is none or it is computed. */
  readonly bias: string | null;
  /** Rows of W, all groups together. */
  readonly outputs: number;
  /** Columns of W: `in / groups * kernel`. A row of group g reads the columns of group g of the input only. */
  readonly inputs: number;
  readonly groups: number;
  /** The constant is stored as `[inputs, outputs]` (`nn.matmul`): rows of W are its columns. */
  readonly transposed: boolean;
  /** Sizes of the window per spatial axis; empty without one. */
  readonly kernel: readonly number[];
}

export const layers: Analysis<readonly Layer[]> = { name: "layers", compute: (module) => layersOf(module) };

type Describe = (op: Op, shape: readonly number[]) => Omit<Layer, "op" | "index" | "weight" | "leaf" | "bias"> | null;

/** Attached by name: what the matrix of an op is, given the shape of operand 1. */
const matrices: Readonly<Record<string, Describe>> = {
  "nn.conv": (op, [outputs = 0, ...window]) => {
    const groups = op.attrs.get("groups");
    return {
      input: 0,
      outputs,
      inputs: countOf(window),
      groups: groups?.kind === "int" ? Number(groups.value) : 1,
      transposed: false,
      kernel: window.slice(1),
    };
  },
  "nn.linear": (_, [outputs = 0, inputs = 0]) => ({ input: 0, outputs, inputs, groups: 1, transposed: false, kernel: [] }),
  "nn.matmul": (_, shape) =>
    shape.length === 2
      ? { input: 0, outputs: shape[1] as number, inputs: shape[0] as number, groups: 1, transposed: true, kernel: [] }
      : null,
};

/** In order of execution. */
export function layersOf(module: Module): readonly Layer[] {
  return mainFunction(module).ops.flatMap((op, index) => {
    const [x, weight, bias] = op.operands;
    const constant = typeof weight === "string" ? module.constants.get(weight) : undefined;
    const shape = constant && isFloat(constant.type.dtype) ? staticShape(constant.type.shape) : null;
    if (typeof weight !== "string" || typeof x !== "number" || !shape || shape.includes(0)) return [];
    const view = matrices[op.name]?.(op, shape);
    return view ? [{ op, index, weight, leaf: floatLeaf(module, weight), bias: typeof bias === "string" ? bias : null, ...view }] : [];
  });
}

/** W of a layer as floats, `[outputs, inputs]` row-major, whatever the constant's definition and layout. */
export function layerMatrix(module: Module, registry: OpRegistry, { weight, outputs, inputs, transposed }: Layer): Float64Array {
  const values = Float64Array.from(toNumbers(evaluateConstant(module, registry, weight)));
  return transposed ? turned(values, inputs, outputs) : values;
}

/** The elements of `[outputs, inputs]` in the order in which the layer's constant stores them. */
export function layerElements(matrix: Float64Array, { outputs, inputs, transposed }: Layer): Float64Array {
  return transposed ? turned(matrix, outputs, inputs) : matrix;
}

/** `[columns, rows]` of `[rows, columns]`. */
function turned(values: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) result[c * rows + r] = values[r * columns + c] as number;
  return result;
}
