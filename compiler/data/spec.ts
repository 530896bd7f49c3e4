/** @file `--data` specs: `digits`, `mnist:DIR`, `cifar10:DIR`, `npz:FILE`, `images:DIR`. Reading and decoding are passed in, so that this runs in browsers too. */
import type { ImagePreprocessing } from "../../runtime/index.ts";
import { gunzipped } from "./archive.ts";
import { cifar10 } from "./cifar10.ts";
import { type DataSet, slice } from "./dataset.ts";
import { digits, type Split } from "./digits/digits.ts";
import { DataError } from "./errors.ts";
import { classNames, type ImageDecoder, imageFiles, inTurn, preparedImages, rawImages } from "./images.ts";
import { mnist } from "./mnist.ts";
import { npz } from "./npz.ts";
import { untarred } from "./tar.ts";

export interface DataAccess {
  readonly readFile: (path: string) => Promise<Uint8Array>;
  readonly listDir: (path: string) => Promise<readonly string[]>;
  /** Every file below a folder, as paths relative to it with `/` between; for `images`. */
  readonly listTree?: (path: string) => Promise<readonly string[]>;
  /** Of JPEG and PNG files; for `images`, and for the JPEG archives of `cifar10`, which are passed over where it is missing. */
  readonly decodeImage?: ImageDecoder;
  /** What the model declares: the size and channels of `images`, and the order of its classes. */
  readonly preprocessing?: ImagePreprocessing | null;
  readonly split?: Split;
  /** At most so many samples, from the front. */
  readonly limit?: number;
}

/** Sizes of the splits of `digits`. */
const digitCounts = { train: 30_000, validation: 5_000, test: 10_000 } as const;
/** The last so many training images are for validation. */
const validationCount = 5_000;
/** More digits than anyone draws; keeps a typing error from asking for gigabytes. */
const mostDigits = 1_000_000;

const forms = "digits, mnist:DIR, cifar10:DIR, npz:FILE, images:DIR";

/** @throws DataError D0110 on a spec that is none of the forms, D0111 on a missing file, D0112 on too few training samples, and what the readers throw. */
export async function openDataSpec(spec: string, access: DataAccess): Promise<DataSet> {
  const at = spec.indexOf(":");
  const [kind, rest] = at < 0 ? [spec, ""] : [spec.slice(0, at), spec.slice(at + 1)];
  const split = access.split ?? "test";
  const open = Object.hasOwn(openers, kind) ? openers[kind] : undefined;
  if (!open) throw new DataError("D0110", spec, `unknown kind "${kind}"; there are: ${forms}`);
  if (kind !== "digits" && rest === "") throw new DataError("D0110", spec, `${kind} needs a path: ${forms}`);
  const data = await open(rest, split, access, spec);
  const limit = access.limit;
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1)) throw new DataError("D0110", spec, `a limit of ${limit} samples`);
  return limit === undefined || limit >= data.count ? data : slice(data, 0, limit);
}

/** The part of a file's samples that belongs to a split: the training files hold train and, at their end, validation. */
function partOf(whole: DataSet, split: Split): DataSet {
  if (split === "test") return whole;
  const edge = whole.count - validationCount;
  if (edge < 1) throw new DataError("D0112", whole.name, `${whole.count} training samples; the last ${validationCount} are for validation`);
  return split === "train" ? slice(whole, 0, edge) : slice(whole, edge, validationCount);
}

/** CIFAR-10's files of a split by name, each once where it is there both plain and as gzip. */
function recordFiles(names: readonly string[], split: Split): readonly string[] {
  const wanted = names.filter((name) => /\.bin(\.gz)?$/.test(name) && name.includes("test") === (split === "test"));
  return wanted.filter((name) => !name.endsWith(".gz") || !wanted.includes(name.slice(0, -3))).sort();
}

/** Paths below `folder`; only those of the split's own folder, `train`, `validation` or `test`, where there is one. */
async function ofSplit(listTree: NonNullable<DataAccess["listTree"]>, folder: string, split: Split): Promise<readonly string[]> {
  const paths = await listTree(folder);
  const own = paths.filter((path) => path.startsWith(`${split}/`));
  return own.length > 0 ? own : paths;
}

/** CIFAR-10's classes in the order of its labels. */
const cifarClasses = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/** One file of CIFAR-10: binary records, or an archive of JPEG files, `<split>/<class>/<number>.jpg`. */
async function cifarFile(path: string, split: Split, access: DataAccess, spec: string): Promise<DataSet> {
  const bytes = gunzipped(await access.readFile(path), path);
  if (!/\.tar(\.gz)?$/.test(path)) return cifar10(bytes, `cifar10:${split}`);
  if (!access.decodeImage) throw new DataError("D0110", spec, "pictures cannot be decoded here");
  const entries = untarred(bytes, path).filter((entry) => /\.jpe?g$/.test(entry.name));
  const files = entries.map(({ name, bytes }) => ({ path: name, folder: name.split("/").at(-2) ?? null, bytes }));
  const sorted = inTurn(files.sort((a, b) => (a.path < b.path ? -1 : 1)));
  return partOf(rawImages(sorted, { width: 32, height: 32 }, cifarClasses, access.decodeImage, `cifar10:${split}`), split);
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

type Opener = (rest: string, split: Split, access: DataAccess, spec: string) => Promise<DataSet>;

const openers: Readonly<Record<string, Opener>> = {
  digits: async (rest, split, _access, spec) => {
    const match = /^(train|validation|test)?(?::?(\d+))?$/.exec(rest);
    if (!match) throw new DataError("D0110", spec, "expected digits[:train|validation|test][:COUNT]");
    const chosen = (match[1] as Split | undefined) ?? split;
    const count = match[2] === undefined ? digitCounts[chosen] : Number(match[2]);
    if (count < 1 || count > mostDigits) throw new DataError("D0110", spec, `${count} digits; 1 to ${mostDigits} can be drawn`);
    return digits({ split: chosen, count });
  },
  mnist: async (folder, split, access, spec) => {
    const prefix = split === "test" ? "t10k" : "train";
    const names = await access.listDir(folder);
    const read = async (what: string) => {
      const name = names.find((n) => n === what || n === `${what}.gz`);
      if (name === undefined) throw new DataError("D0111", spec, `${what} or ${what}.gz in ${folder}`);
      return gunzipped(await access.readFile(`${folder}/${name}`), `${folder}/${name}`);
    };
    const whole = mnist(await read(`${prefix}-images-idx3-ubyte`), await read(`${prefix}-labels-idx1-ubyte`), `mnist:${split}`);
    return partOf(whole, split);
  },
  cifar10: async (folder, split, access, spec) => {
    if (/\.(bin|tar)(\.gz)?$/.test(folder)) return cifarFile(folder, split, access, spec);
    const archive = (await access.listDir(folder))
      .filter((name) => /\.tar(\.gz)?$/.test(name) && name.includes(split === "test" ? "test" : "train"))
      .sort()[0];
    if (archive !== undefined && access.decodeImage) return cifarFile(`${folder}/${archive}`, split, access, spec);
    const names = recordFiles(await access.listDir(folder), split);
    if (names.length === 0) throw new DataError("D0111", spec, `binary records (*.bin, *.bin.gz) of the ${split} split in ${folder}`);
    const paths = names.map((name) => `${folder}/${name}`);
    const bytes = concatenated(await Promise.all(paths.map(async (path) => gunzipped(await access.readFile(path), path))));
    return partOf(cifar10(bytes, `cifar10:${split}`), split);
  },
  images: async (folder, split, access, spec) => {
    const { listTree, decodeImage, preprocessing } = access;
    if (!listTree || !decodeImage) throw new DataError("D0110", spec, "pictures cannot be decoded here");
    if (!preprocessing) throw new DataError("D0113", spec, "the model declares no preprocessing, which says what pictures become");
    const files = imageFiles(await ofSplit(listTree, folder, split));
    if (files.length === 0) throw new DataError("D0111", spec, `no .jpg, .jpeg or .png file in ${folder}`);
    const names = classNames(files, preprocessing.labels);
    const wanted = files.slice(0, access.limit ?? files.length);
    const read = wanted.map(async (file) => ({ ...file, bytes: await access.readFile(`${folder}/${file.path}`) }));
    return preparedImages(await Promise.all(read), preprocessing, names, decodeImage, spec);
  },
  npz: async (file, _split, access, spec) => npz(await access.readFile(file), spec),
};
