/**
 * @file Declared preprocessing on its way into the file. Who compiles says as little as needed (`{ scale: 1 / 255, mean: 0.5 }`); name, sizes, channels and
 * layout come from the model's input, what is said is checked against it, and the whole record stands in the module's `meta` as `preprocessing`,
 * where text, passes and emission carry it along.
 */
import {
  type Attr,
  type AttrDict,
  type Dim,
  type Module,
  mainFunction,
  nearest,
  type TensorType,
  TersorError,
  valueInfo,
} from "../../ir-spec/index.ts";
import {
  channelCount,
  type ImagePreprocessing,
  imagePreprocessingKeys,
  parseImagePreprocessing,
  RuntimeError,
} from "../../runtime/index.ts";
import { type Preprocessing, recordDict } from "./record.ts";

/** What a `.tir`'s meta, `tersor.config.ts` or `--preprocess FILE.json` may say; the fields are those of `ImagePreprocessing`. */
export type PreprocessingDeclaration = {
  readonly [K in Exclude<keyof ImagePreprocessing, "mean" | "std">]?: ImagePreprocessing[K];
} & {
  /** One number stands for every channel. */
  readonly mean?: number | readonly number[];
  readonly std?: number | readonly number[];
};

/** Key of the module's meta. */
export const preprocessingMeta = "preprocessing";

/**
 * The declaration with every field filled in from the model's input, and checked against it.
 * @param where what said it, for errors: a file, or `meta`
 * @throws TersorError E0915 with every problem that was found
 */
export function declaredPreprocessing(module: Module, declaration: Readonly<Record<string, unknown>>, where: string): ImagePreprocessing {
  const unknown = Object.keys(declaration).filter((key) => !(imagePreprocessingKeys as readonly string[]).includes(key));
  if (unknown.length > 0) throw new TersorError(unknown.map((key) => unknownKey(key, where)));
  const { name, type } = inputOf(module, declaration.input, where);
  const guess = layoutOf(type, declaration.layout);
  const said = Object.fromEntries(Object.entries(declaration).filter(([, value]) => value !== undefined && value !== null));
  const record = parsed({ ...guess, ...said, input: name }, where);
  checkFit(record, name, type, where);
  return record;
}

/** What the module's meta declares; null when it declares nothing. @throws TersorError E0915. */
export function modulePreprocessing(module: Module): ImagePreprocessing | null {
  const dict = module.meta?.get(preprocessingMeta);
  if (!dict) return null;
  if (dict.kind !== "dict") throw problem("meta", "preprocessing", `expected a dict, found ${dict.kind}`);
  return declaredPreprocessing(module, plainRecord(dict.value), "meta");
}

/** The module with the record in its meta, in place of what stood there. */
export function withPreprocessing(module: Module, record: ImagePreprocessing): Module {
  const meta = new Map(module.meta ?? []);
  meta.set(preprocessingMeta, { kind: "dict", value: recordDict(storedPreprocessing(record)) });
  return { ...module, meta };
}

/** The record as a file stores it: keys in a fixed order, defaults left out, equal channels as one number. Same meaning, same bytes. */
export function storedPreprocessing(record: ImagePreprocessing): Preprocessing {
  const { input, width, height } = record;
  const whole = parseImagePreprocessing({ input, width, height, channels: record.channels });
  const stored = imagePreprocessingKeys.flatMap((key) => {
    const value = record[key];
    const kept =
      JSON.stringify(value) !== JSON.stringify(whole[key]) ||
      ["input", "width", "height"].includes(key) ||
      value === "grey" ||
      value === "bgr";
    return kept && value !== null ? [[key, compact(key, value)] as const] : [];
  });
  return Object.fromEntries(stored);
}

function compact(key: keyof ImagePreprocessing, value: Preprocessing[string]): Preprocessing[string] {
  const equal = Array.isArray(value) && key !== "labels" && value.every((item) => Object.is(item, value[0]));
  return equal ? (value[0] as number) : value;
}

function unknownKey(key: string, where: string) {
  const near = nearest(key, imagePreprocessingKeys);
  const hint = `${near === null ? "" : `did you mean "${near}"? `}there are: ${imagePreprocessingKeys.join(", ")}`;
  return { code: "E0915", message: `unknown key "${key}"`, where: `${where}: preprocessing`, hint };
}

function problem(where: string, field: string, message: string): TersorError {
  return new TersorError({ code: "E0915", message, where: `${where}: ${field}` });
}

function parsed(record: Readonly<Record<string, unknown>>, where: string): ImagePreprocessing {
  try {
    return parseImagePreprocessing(record);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    throw problem(where, error.where, error.message.replace(/^error\[\w+\]: [^:]*: /, ""));
  }
}

interface ImageInput {
  readonly name: string;
  readonly type: TensorType;
}

/** The input that the declaration names, or the only one. */
function inputOf(module: Module, name: unknown, where: string): ImageInput {
  const func = mainFunction(module);
  const inputs = func.params.map((id): ImageInput => ({ name: valueInfo(func, id).name ?? `%${id}`, type: valueInfo(func, id).type }));
  const names = inputs.map((input) => JSON.stringify(input.name)).join(", ");
  const found = name === undefined && inputs.length === 1 ? inputs[0] : inputs.find((input) => input.name === name);
  if (found) return found;
  const message =
    name === undefined
      ? `the model has several inputs: name one of ${names}`
      : `the model has no input ${JSON.stringify(name)}; it has ${names}`;
  throw problem(where, "preprocessing.input", message);
}

/** Layout, channels and sizes that the input's shape gives away. */
function layoutOf({ shape }: TensorType, layout: unknown): Readonly<Record<string, unknown>> {
  const [a, b, c] = shape.slice(-3);
  const last = layout === "nhwc" || (layout !== "nchw" && !isChannels(a) && isChannels(c));
  const [channels, height, width] = last ? [c, a, b] : [a, b, c];
  const sizes = { ...(typeof width === "number" ? { width } : {}), ...(typeof height === "number" ? { height } : {}) };
  return { ...sizes, layout: last ? "nhwc" : "nchw", ...(channels === 1 ? { channels: "grey" } : {}) };
}

function isChannels(dim: Dim | undefined): boolean {
  return dim === 1 || dim === 3;
}

function checkFit(record: ImagePreprocessing, name: string, { dtype, shape }: TensorType, where: string): void {
  const count = channelCount(record.channels);
  const wanted = record.layout === "nchw" ? [count, record.height, record.width] : [record.height, record.width, count];
  const sample = shape.slice(-3);
  const fits = (shape.length === 3 || shape.length === 4) && sample.every((dim, i) => typeof dim !== "number" || dim === wanted[i]);
  if (fits && (dtype === "f32" || dtype === "u8")) return;
  const given = `${dtype} [${shape.map((dim) => (typeof dim === "number" ? dim : dim.key)).join(", ")}]`;
  throw problem(
    where,
    "preprocessing",
    `input ${JSON.stringify(name)} is ${given}, the record makes f32 or u8 [batch, ${wanted.join(", ")}]`,
  );
}

/** Attributes as plain values; what no record holds stays as it is and is refused by the check. */
function plainRecord(dict: AttrDict): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...dict].map(([key, value]) => [key, plainValue(value)]));
}

function plainValue(attr: Attr): unknown {
  if (attr.kind === "list") return attr.value.map(plainValue);
  return attr.kind === "dict" ? plainRecord(attr.value) : attr.value;
}
