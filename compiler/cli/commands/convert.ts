/** @file `tersor convert IN -o OUT`: a model in another format, nothing optimized. The target format is that of the output's name. */
import { extname } from "node:path";
import type { Command } from "commander";
import { constantBytes, dataConstant, type Module, type OpRegistry } from "../../../ir-spec/index.ts";
import { modelInfo, openFile } from "../../../runtime/index.ts";
import { toolExpansion } from "../../emit/read-source.ts";
import { chosenOpset, exportOnnx, type WeightStyle, weightStyles } from "../../export/index.ts";
import { createHost } from "../../plugin/host.ts";
import { printModule } from "../../text/index.ts";
import { type ConfigFlags, loadConfig } from "../config.ts";
import { UsageError } from "../failure.ts";
import { readBytes, writeWhole } from "../files.ts";
import { type OpenedModel, openModel } from "../models.ts";
import { bytesText, type Output } from "../output.ts";

interface Flags extends ConfigFlags {
  readonly output: string;
  readonly weights?: string;
  readonly opset?: string;
  readonly base?: string;
}

export function addConvert(program: Command, output: () => Output): void {
  program
    .command("convert")
    .description("write a model as .onnx or as .tir text; a .tsr must keep its source (target reference)")
    .argument("<model>", ".onnx, .tir or .tsr")
    .requiredOption("-o, --output <file>", "the .onnx or .tir file to write")
    .option(
      "--weights <how>",
      "of an .onnx: qdq (quantized ones stay integers, the default), qdq-signed (never made unsigned), nbits (linear layers by 2- or 4-bit or blocked weights as MatMulNBits of ONNX Runtime), dense (all as numbers), decode (as nodes that compute them)",
    )
    .option("--base <file>", "the .tsr file that the model holds differences to")
    .option("--opset <n>", "operator set of an .onnx, 13 to 26 (default: 21, or the first that has all its ops)")
    .addHelpText("after", "\nExample:\n  tersor convert model.tsr -o model.onnx")
    .action((model: string, flags: Flags) => convert(model, flags, output()));
}

async function convert(model: string, flags: Flags, output: Output): Promise<void> {
  const format = targetFormat(flags);
  const options = onnxOptions(flags);
  const { plugins } = await loadConfig(flags);
  const { ops: registry } = createHost(plugins);
  const opened = await openModel(model, { registry, ...(flags.base === undefined ? {} : { base: await readBytes(flags.base) }) });
  const made = format === "onnx" ? toOnnx(opened, registry, options) : new TextEncoder().encode(printModule(selfContained(opened.module)));
  await writeWhole(flags.output, made);
  const sizes = { bytesIn: opened.bytes.length, bytesOut: made.length };
  const opset = format === "onnx" ? chosenOpset(opened.module, { registry, ...options }) : null;
  const text = `${model}: ${bytesText(sizes.bytesIn)} bytes -> ${flags.output}: ${bytesText(sizes.bytesOut)} bytes`;
  output.result({ input: model, output: flags.output, format, ...sizes, opset }, text);
}

/** @throws UsageError for another ending, and for options that the format does not have */
function targetFormat({ output, weights, opset }: Flags): "onnx" | "tir" {
  const ending = extname(output).toLowerCase();
  if (ending !== ".onnx" && ending !== ".tir")
    throw new UsageError(`-o ${output}: convert writes .onnx and .tir; a .tsr is written by tersor compile`);
  if (ending === ".tir" && (weights !== undefined || opset !== undefined))
    throw new UsageError("--weights and --opset are for .onnx: .tir text keeps every definition as it is");
  return ending === ".onnx" ? "onnx" : "tir";
}

interface OnnxOptions {
  readonly weights?: WeightStyle;
  readonly opset?: number;
}

const isStyle = (name: string): name is WeightStyle => (weightStyles as readonly string[]).includes(name);

function onnxOptions({ weights, opset }: Flags): OnnxOptions {
  if (weights !== undefined && !isStyle(weights)) throw new UsageError(`--weights ${weights}: there is ${weightStyles.join(", ")}`);
  if (opset !== undefined && !/^\d+$/.test(opset)) throw new UsageError(`--opset ${opset} is not a number`);
  return {
    ...(weights === undefined ? {} : { weights }),
    ...(opset === undefined ? {} : { opset: Number(opset) }),
  };
}

function toOnnx({ module, format, bytes }: OpenedModel, registry: OpRegistry, options: OnnxOptions): Uint8Array {
  const pipeline = format === "tsr" ? modelInfo(openFile(bytes, { maxExpandedBytes: toolExpansion(bytes) })).build.pipeline : "";
  return exportOnnx(module, { registry, ...options, pipeline });
}

/** Text that needs no file beside it: bytes of resources become data of the constants. */
function selfContained(module: Module): Module {
  if (module.resources.size === 0) return module;
  const constants = [...module.constants].map(([name, constant]) => {
    if (constant.kind !== "data" || constant.storage.kind !== "resource") return [name, constant] as const;
    const { type, loc, doc } = constant;
    return [name, { ...dataConstant(name, type, constantBytes(module, constant), loc), doc }] as const;
  });
  return { ...module, resources: new Map(), constants: new Map(constants) };
}
