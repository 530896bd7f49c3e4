/** @file `--data` specs: `digits`, `mnist:DIR`, `cifar10:DIR`, `npz:FILE`. Reading is passed in, so that this runs in browsers too. */
import { gunzipped } from "./archive.ts";
import { cifar10 } from "./cifar10.ts";
import { type DataSet, slice } from "./dataset.ts";
import { digits, type Split } from "./digits/digits.ts";
import { DataError } from "./errors.ts";
import { mnist } from "./mnist.ts";
import { npz } from "./npz.ts";

export interface DataAccess {
  readonly readFile: (path: string) => Promise<Uint8Array>;
  readonly listDir: (path: string) => Promise<readonly string[]>;
  readonly split?: Split;
  /** At most so many samples, from the front. */
  readonly limit?: number;
}

/** Sizes of the splits of `digits`. */
const digitCounts = { train: 30_000, validation: 5_000, test: 10_000 } as const;
/** The last so many training images of MNIST are for validation. */
const mnistValidation = 5_000;

const forms = "digits, mnist:DIR, cifar10:DIR, npz:FILE";

/** @throws DataError D0110 on a spec that is none of the forms, D0111 on a missing file, and what the readers throw. */
export async function openDataSpec(spec: string, access: DataAccess): Promise<DataSet> {
  const at = spec.indexOf(":");
  const [kind, rest] = at < 0 ? [spec, ""] : [spec.slice(0, at), spec.slice(at + 1)];
  const split = access.split ?? "test";
  const open = openers[kind];
  if (!open) throw new DataError("D0110", spec, `unknown kind "${kind}"; there are: ${forms}`);
  if (kind !== "digits" && rest === "") throw new DataError("D0110", spec, `${kind} needs a path: ${forms}`);
  const data = await open(rest, split, access, spec);
  const limit = access.limit;
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1)) throw new DataError("D0110", spec, `a limit of ${limit} samples`);
  return limit === undefined || limit >= data.count ? data : slice(data, 0, limit);
}

type Opener = (rest: string, split: Split, access: DataAccess, spec: string) => Promise<DataSet>;

const openers: Readonly<Record<string, Opener>> = {
  digits: async (rest, split, _access, spec) => {
    const match = /^(train|validation|test)?(?::?(\d+))?$/.exec(rest);
    if (!match) throw new DataError("D0110", spec, "expected digits[:train|validation|test][:COUNT]");
    const chosen = (match[1] as Split | undefined) ?? split;
    return digits({ split: chosen, count: match[2] === undefined ? digitCounts[chosen] : Number(match[2]) });
  },
  mnist: async (folder, split, access, spec) => {
    const prefix = split === "test" ? "t10k" : "train";
    const names = await access.listDir(folder);
    const read = async (what: string) => {
      const name = names.find((n) => n === what || n === `${what}.gz`);
      if (name === undefined) throw new DataError("D0111", spec, `${what} or ${what}.gz in ${folder}`);
      return gunzipped(await access.readFile(`${folder}/${name}`), name);
    };
    const whole = mnist(await read(`${prefix}-images-idx3-ubyte`), await read(`${prefix}-labels-idx1-ubyte`), `mnist:${split}`);
    if (split === "test") return whole;
    const edge = whole.count - mnistValidation;
    return split === "train" ? slice(whole, 0, edge) : slice(whole, edge, mnistValidation);
  },
  cifar10: async (folder, split, access, spec) => {
    const names = (await access.listDir(folder)).filter((n) => /\.bin(\.gz)?$/.test(n) && n.includes("test") === (split === "test"));
    if (names.length === 0) throw new DataError("D0111", spec, `binary records (*.bin, *.bin.gz) of the ${split} split in ${folder}`);
    const parts = await Promise.all(names.map(async (n) => gunzipped(await access.readFile(`${folder}/${n}`), n)));
    const bytes = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    parts.reduce((offset, part) => (bytes.set(part, offset), offset + part.length), 0);
    return cifar10(bytes, `cifar10:${split}`);
  },
  npz: async (file, _split, access, spec) => npz(await access.readFile(file), spec),
};
