/**
 * @file Who may import whom: the dependency direction `ir-spec <- compiler <- plugins` and `ir-spec/format <- runtime`, as data.
 * The first rule that covers a file holds, so narrower rooms stand before the ones around them.
 */
import type { Rule } from "./import-edges.ts";

const FORMAT = "^ir-spec/format/";
const IR = "^ir-spec/";
/** What kernels there are, and the type of such a row: data only. */
const MANIFEST = "^runtime/(backends/[^/]+/)?manifest\\.ts$";
const PUBLIC_RUNTIME = "^runtime/(backends/[^/]+/)?index\\.ts$";
const PUBLIC_ENTRIES = ["^(ir-spec|compiler|runtime)/index\\.ts$"];
/** Strides and merged axes, which cost families count as kernels walk them: pure arithmetic. */
const SHAPE_ARITHMETIC = "^runtime/step/shapes\\.ts$";
const ANYTHING_BUT_TESTS = "^(ir-spec|runtime|compiler|plugins|examples|bench|scripts|rollup\\.config\\.mjs)";

/** What the installed compiler may use in a browser; the command line's own packages are not among them. */
const COMPILER_PACKAGES = ["chevrotain", "protobufjs", "flatbuffers", "ml-matrix", "@noble/hashes", "fflate"];
const OPTIONAL_PEERS = ["onnxruntime-node", "webgpu"];

const closed = { packages: [], lazyPackages: [], node: false } as const;

export const RULES: readonly Rule[] = [
  { ...closed, room: "ir-spec/format", files: /^ir-spec\/format\//, may: [IR], packages: ["flatbuffers"] },
  { ...closed, room: "ir-spec", files: /^ir-spec\//, may: [IR] },
  { ...closed, room: "runtime/backends/*/manifest", files: /^runtime\/backends\/([^/]+)\/manifest\.ts$/, may: [FORMAT, "^runtime/"] },
  {
    ...closed,
    room: "runtime/backends/reference",
    files: /^runtime\/backends\/reference\//,
    may: ["^runtime/", IR],
    packages: ["flatbuffers"],
  },
  {
    ...closed,
    room: "runtime/backends",
    files: /^runtime\/backends\//,
    may: ["^runtime/", FORMAT],
    packages: ["flatbuffers"],
    lazyPackages: OPTIONAL_PEERS,
  },
  { ...closed, room: "runtime", files: /^runtime\//, may: ["^runtime/", FORMAT], packages: ["flatbuffers"] },
  {
    room: "compiler/cli",
    files: /^compiler\/cli\//,
    may: ["^compiler/", IR, MANIFEST, PUBLIC_RUNTIME, "^plugins/[^/]+/index\\.ts$"],
    packages: [...COMPILER_PACKAGES, "commander", "cli-progress", "jiti", "jpeg-js", "fast-png"],
    lazyPackages: OPTIONAL_PEERS,
    node: true,
  },
  {
    ...closed,
    room: "compiler",
    files: /^compiler\//,
    may: ["^compiler/(?!cli/)", IR, MANIFEST, PUBLIC_RUNTIME, SHAPE_ARITHMETIC],
    packages: COMPILER_PACKAGES,
  },
  {
    ...closed,
    room: "plugins/*/kernels",
    files: /^plugins\/([^/]+)\/kernels\//,
    may: ["^plugins/<1>/kernels/", "^runtime/"],
  },
  { ...closed, room: "plugins/*", files: /^plugins\/([^/]+)\//, may: ["^plugins/<1>/", ...PUBLIC_ENTRIES], packages: ["ml-matrix"] },
  { ...closed, room: "examples/*page", files: /^examples\/[a-z-]*page\//, may: ["^examples/[a-z-]*page/"], packages: ["tersor"] },
  {
    room: "examples, bench, scripts",
    files: /^(examples|bench|scripts)\//,
    may: [ANYTHING_BUT_TESTS],
    packages: [...COMPILER_PACKAGES, "uvu", "typescript", "esbuild", "rollup", "assemblyscript"],
    lazyPackages: OPTIONAL_PEERS,
    node: true,
  },
];

/** Rooms whose files are read; AssemblyScript has imports of its own and is no TypeScript. */
export const ROOMS: readonly string[] = ["ir-spec", "runtime", "compiler", "plugins", "examples", "bench", "scripts"];
export const NOT_TYPESCRIPT = /\/assembly\//;
