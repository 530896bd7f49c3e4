/** @file The cases of `test/ops/cases` as modules that ONNX Runtime can be fed: one op, its operands inputs or constants, results in dtypes that come out. */
import {
  type DType,
  dtypeInfo,
  type HostTensor,
  isFloat,
  type Module,
  ModuleEditor,
  mainFunction,
  tensorType,
} from "../../ir-spec/index.ts";
import type { OpCase } from "../ops/op-case.ts";
import { opModule } from "../support/op-module.ts";
import { moduleOf, registry, type Tensors } from "./support.ts";

export interface CaseModule {
  readonly module: Module;
  readonly inputs: Tensors;
}

/** Dtypes that go in as constants only, and out after a cast: onnxruntime-node has no tensors of them. */
const carriers = (dtype: DType): DType | null => {
  if (dtype === "bf16") return "f32";
  const { kind, bits } = dtypeInfo(dtype);
  return bits >= 8 ? null : kind === "int" ? "i8" : "u8";
};

export function caseModule(opCase: OpCase): CaseModule {
  const { op, inputs, attrs = {} } = opCase;
  const operands = inputs.map((tensor) => tensor && { tensor, shape: tensor.shape, ...(carriers(tensor.dtype) ? { constant: true } : {}) });
  const module = op.startsWith("dynamic.") ? sizedModule(opCase) : opModule({ op, attrs, operands });
  const fed = operands.flatMap((operand, i) => (operand && !operand.constant ? [[`in${i}`, operand.tensor] as const] : []));
  return { module: withFedResults(module), inputs: Object.fromEntries(fed) };
}

function withFedResults(module: Module): Module {
  const main = mainFunction(module);
  if (!main.results.some(({ type }) => carriers(type.dtype))) return module;
  const editor = new ModuleEditor(module, registry);
  const body = editor.function();
  body.setResults(
    main.returns.map((operand, i) => {
      const { name = "", type } = main.results[i] ?? { type: tensorType("f32", []) };
      const to = carriers(type.dtype);
      return { name, operand: to ? body.one("type.cast", [operand], { to }) : operand };
    }),
  );
  return editor.freeze();
}

/** Symbols are called what the importer calls them. */
const symbol = (i: number): string => (i === 0 ? "?K" : `?K_${i + 1}`);

/** Result types of the ops whose sizes only a run tells. */
const declared: Readonly<Record<string, (opCase: OpCase, rank: number) => readonly string[]>> = {
  "dynamic.nonzero": ({ inputs }) => [`${inputs[0]?.shape.length || 1}x?Kxi64`],
  "dynamic.range": ({ inputs }) => [`?Kx${inputs[0]?.dtype}`],
  "dynamic.reshape": anySizes,
  "dynamic.broadcast": anySizes,
  "dynamic.slice": (opCase) => {
    const { shape = [], dtype } = opCase.inputs[0] ?? {};
    const given = (opCase.attrs?.axes ?? []) as readonly number[];
    const axes = given.map((axis) => (axis < 0 ? axis + shape.length : axis));
    const places = [...axes].sort();
    return [[...shape.map((size, i) => (axes.includes(i) ? symbol(places.indexOf(i)) : size)), dtype].join("x")];
  },
  "dynamic.unique": ({ inputs, attrs = {} }) => {
    const { shape = [], dtype } = inputs[0] ?? {};
    const axis = Number(attrs.axis ?? 0);
    return [[...shape.map((size, i) => (i === axis ? "?K" : size)), dtype].join("x"), "Kxi64", `${shape[axis]}xi64`, "Kxi64"];
  },
  "dynamic.non_max_suppression": () => ["?Kx3xi64"],
};

function anySizes({ inputs }: OpCase, rank: number): readonly string[] {
  return [[...Array.from({ length: rank }, (_, i) => symbol(i)), inputs[0]?.dtype].join("x")];
}

function sizedModule(opCase: OpCase): Module {
  const { op, inputs, attrs = {}, expect = [] } = opCase;
  const types = declared[op]?.(opCase, expect[0]?.shape.length ?? 0) ?? [];
  const params = inputs.flatMap((x, i) => (x ? [`%in${i}: tensor<${[...x.shape, x.dtype].join("x")}>`] : []));
  const operands = inputs.map((x, i) => (x ? `%in${i}` : "_"));
  const results = types.map((type, i) => `out${i}: tensor<${type.replaceAll("?", "")}>`);
  const values = types.map((_, i) => `%r${i}`).join(", ");
  const written = Object.entries(attrs).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return moduleOf(`func @main(${params.join(", ")}) -> (${results.join(", ")}) {
    ${values} = ${op}(${operands.join(", ")}) {${written.join(", ")}} : ${types.map((type) => `tensor<${type}>`).join(", ")}
    return ${values}
  }`);
}

/** The same numbers in f32. */
export function inSingles(opCase: OpCase): OpCase {
  const single = (tensor: HostTensor): HostTensor =>
    tensor.dtype === "f64" ? { dtype: "f32", shape: tensor.shape, data: Float32Array.from(tensor.data as Float64Array) } : tensor;
  return { ...opCase, inputs: opCase.inputs.map((tensor) => tensor && single(tensor)) };
}

/** What may be lost on the way: the dtypes' own precision. */
export function toleranceOf({ inputs }: OpCase): number {
  const bits = inputs.map((x) => (x && isFloat(x.dtype) ? x.dtype : "f32"));
  return bits.includes("bf16") ? 2 ** -7 : bits.includes("f16") ? 2 ** -9 : 1e-5;
}
