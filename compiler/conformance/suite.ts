/**
 * @file The layout of ONNX's own operator tests: `<folder>/<test>/model.onnx` beside `test_data_set_N/{input,output}_K.pb`, and the light models, `light_NAME.onnx` beside
 * `light_NAME_output_K.pb`, whose one input is not stored but agreed (see `ramp` in values.ts). Source: onnx/backend/test in the ONNX repository.
 */

/** Serialized tensors (or sequences, optionals) by their number; null where a number is passed over. */
export type Blobs = readonly (Uint8Array | null)[];

export interface TestData {
  /** "ramp": every input is k / n for its element k of n. */
  readonly inputs: Blobs | "ramp";
  readonly outputs: Blobs;
}

export interface ConformanceTest {
  /** `<folder>/<test>`. */
  readonly name: string;
  readonly model: Uint8Array;
  readonly dataSets: readonly TestData[];
}

/** Where the tests' files come from: a folder or an unpacked archive. */
export interface FileSource {
  /** With `/` between. */
  readonly paths: readonly string[];
  read(path: string): Promise<Uint8Array>;
}

export interface TestEntry {
  readonly name: string;
  open(): Promise<ConformanceTest>;
}

/** Every test of a source, by name. Of its path only the last two parts are the name, wherever the suite begins. */
export function findTests(source: FileSource): readonly TestEntry[] {
  const byFolder = groupedByFolder(source.paths);
  const entries = source.paths.flatMap((path) => {
    const folder = folderOf(path);
    if (baseOf(path) === "model.onnx") return [storedTest(source, folder, byFolder)];
    return /^light_.*\.onnx$/.test(baseOf(path)) ? [lightTest(source, path, byFolder.get(folder) ?? [])] : [];
  });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function storedTest(source: FileSource, folder: string, byFolder: ReadonlyMap<string, readonly string[]>): TestEntry {
  const sets = [...byFolder.keys()]
    .filter((other) => folderOf(other) === folder && /^test_data_set_\d+$/.test(baseOf(other)))
    .sort((a, b) => numberIn(a) - numberIn(b));
  const open = async (): Promise<ConformanceTest> => ({
    name: lastTwo(folder),
    model: await source.read(`${folder}/model.onnx`),
    dataSets: await Promise.all(
      sets.map(async (set) => ({
        inputs: await numbered(source, byFolder.get(set) ?? [], "input"),
        outputs: await numbered(source, byFolder.get(set) ?? [], "output"),
      })),
    ),
  });
  return { name: lastTwo(folder), open };
}

function lightTest(source: FileSource, path: string, beside: readonly string[]): TestEntry {
  const stem = path.replace(/\.onnx$/, "");
  const outputs = beside.filter((other) => other.startsWith(`${stem}_output_`));
  const name = lastTwo(stem);
  const open = async (): Promise<ConformanceTest> => ({
    name,
    model: await source.read(path),
    dataSets: [{ inputs: "ramp", outputs: await numbered(source, outputs, `${baseOf(stem)}_output`) }],
  });
  return { name, open };
}

/** `KIND_0.pb`, `KIND_1.pb` ... among `paths`. */
async function numbered(source: FileSource, paths: readonly string[], kind: string): Promise<Blobs> {
  const found: (Uint8Array | null)[] = [];
  for (const path of paths) {
    const match = /^(.*)_(\d+)\.pb$/.exec(baseOf(path));
    if (match?.[1] === kind) found[Number(match[2])] = await source.read(path);
  }
  return Array.from(found, (blob) => blob ?? null);
}

function groupedByFolder(paths: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const group = groups.get(folderOf(path)) ?? [];
    group.push(path);
    groups.set(folderOf(path), group);
  }
  return groups;
}

const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
const baseOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const lastTwo = (path: string): string => path.split("/").slice(-2).join("/");
const numberIn = (path: string): number => Number(/\d+$/.exec(path)?.[0]);
