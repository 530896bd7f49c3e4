/**
 * @file `npm run page:digits [-- --serve]` and `npm run page:faces [-- MODEL.onnx] [--passes PIPELINE] [--serve]`: builds the page into its `dist/` and says how to look at it;
 * `--serve` shows it on 127.0.0.1 until Ctrl+C (`--port N`, 8080 unless said).
 */
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import type { PageFacts } from "../../examples/page/facts.ts";
import { ROOT } from "../paths.mjs";
import { buildDigitPage, buildFacePage, digitModel, faceModel } from "./pages.ts";
import { servePage } from "./server.ts";

const usage =
  "usage: npm run page:digits [-- --serve [--port N]]\n       npm run page:faces -- [MODEL.onnx] [--passes PIPELINE] [--serve [--port N]]";

function arguments_() {
  return parseArgs({
    allowPositionals: true,
    options: {
      serve: { type: "boolean", default: false },
      port: { type: "string", default: "8080" },
      passes: { type: "string", default: "" },
    },
  });
}

async function main(): Promise<void> {
  const { positionals, values } = arguments_();
  const [name, model, ...more] = positionals;
  const port = Number(values.port);
  if (more.length > 0 || !Number.isInteger(port) || port < 0 || port > 65_535) throw new TypeError("unexpected arguments");
  if (name === "digits" && model === undefined) report("digit-page", await buildDigitPage(await digitModel()));
  else if (name === "faces") report("faces-page", await buildFacePage(model === undefined ? null : await faceModel(model, values.passes)));
  else throw new TypeError("unexpected arguments");
  if (values.serve) await serve(name === "digits" ? "digit-page" : "faces-page", port);
  else
    console.log(
      `look at it: npm run page:${name} --${model === undefined ? "" : ` ${model}`} --serve   (or serve the folder with any web server; opened as a file it cannot fetch)`,
    );
}

function report(page: string, facts: PageFacts): void {
  const { scriptBytes, scriptGzipBytes, lazyScriptBytes, lazyScriptGzipBytes, modelBytes, sourceBytes } = facts;
  const lazy = lazyScriptBytes === 0 ? "" : `, on demand ${lazyScriptBytes} (${lazyScriptGzipBytes} gzip)`;
  const model = modelBytes === null ? "no model: the page asks for a .tsr" : `model ${modelBytes} bytes (from ${sourceBytes})`;
  console.log(
    `built ${relative(process.cwd(), join(ROOT, "examples", page, "dist")) || "."}: scripts ${scriptBytes} bytes (${scriptGzipBytes} gzip)${lazy}, ${model}`,
  );
}

async function serve(page: string, port: number): Promise<void> {
  const { url } = await servePage(join(ROOT, "examples", page, "dist"), port);
  console.log(`serving ${url}   (Ctrl+C ends it)`);
}

main().catch((error: unknown) => {
  const usageError = error instanceof TypeError;
  console.error(error instanceof Error ? error.message : error);
  if (usageError) console.error(usage);
  process.exitCode = usageError ? 2 : 1;
});
