/**
 * @file Legalization: each cluster dequantize -> op [-> relu, clip] -> quantize becomes integer ops that compute the same, where the target can run them. The integer form differs from
 * the float one by at most one output step: where the float sum lies beside a tie. What cannot be rewritten stays float, and the report says why.
 */
import {
  type EditableOp,
  type FunctionEditor,
  type Module,
  ModuleEditor,
  mergeLocations,
  type OpRegistry,
  type ValueId,
} from "../../../ir-spec/index.ts";
import { type Answer, type Bounds, type Cluster, Reader, type Rule, unbounded } from "./cluster.ts";
import { addRule } from "./rules/add.ts";
import { layerRule } from "./rules/layer.ts";
import { lookupRule } from "./rules/lookup.ts";
import { avgPoolRule, meanRule } from "./rules/mean.ts";
import { concatRule, movementRule } from "./rules/movement.ts";
import { requantizeRule } from "./rules/requantize.ts";
import { describeSteps, type StepRequest, StepWriter } from "./step.ts";

export interface LegalizeOptions {
  /** Why the target cannot run the op, or null. Default: it can run every op of the registry. */
  readonly unsupported?: (request: StepRequest) => string | null;
}

export interface FloatCluster {
  readonly op: string;
  /** The result's name, where it has one. */
  readonly value: string | null;
  readonly reason: string;
}

/** For warnings. */
export function describeFloatCluster({ op, value, reason }: FloatCluster): string {
  return `${value === null ? op : `%${value} = ${op}`} stays float: ${reason}`;
}

export interface Legalized {
  readonly module: Module;
  /** Clusters that became integer ops. */
  readonly integer: number;
  /** Clusters that stayed float. */
  readonly float: readonly FloatCluster[];
}

const computing = [layerRule, addRule, avgPoolRule, meanRule, concatRule];
const rules: ReadonlyMap<string, Rule> = new Map([...computing, movementRule].flatMap((rule) => rule.ops.map((op) => [op, rule] as const)));
const computed: ReadonlySet<string> = new Set(computing.flatMap((rule) => rule.ops));

/** Returns the same module when there is nothing to rewrite. */
export function legalize(module: Module, registry: OpRegistry, options: LegalizeOptions = {}): Legalized {
  const editor = new ModuleEditor(module, registry);
  const writer = new StepWriter(editor);
  let integer = 0;
  const float: FloatCluster[] = [];
  for (const [name, func] of module.functions) {
    if (!func.ops.some((op) => op.name === "quant.dequantize")) continue;
    const body = editor.function(name);
    const run = new Legalization(new Reader(module, body, registry), writer, options);
    integer += run.rewriteAll();
    float.push(...run.leftFloat());
  }
  return { module: editor.freeze(), integer, float };
}

class Legalization {
  private readonly reader: Reader;
  private readonly body: FunctionEditor;
  private readonly writer: StepWriter;
  private readonly options: LegalizeOptions;
  private readonly refusals = new Map<EditableOp, string>();

  constructor(reader: Reader, writer: StepWriter, options: LegalizeOptions) {
    this.reader = reader;
    this.body = reader.body;
    this.writer = writer;
    this.options = options;
  }

  rewriteAll(): number {
    let count = 0;
    for (const op of this.body.ops()) if (op.name === "quant.quantize" && this.rewrite(op)) count++;
    return count;
  }

  private rewrite(root: EditableOp): boolean {
    const out = this.reader.quantized(root);
    const found = this.clusterOf(root);
    if (!found) return false;
    const { op, bounds } = found;
    if (!out) return this.refuse(op, "its result is not bytes with one constant scale");
    if (!found.alone) return this.refuse(op, "its float result is read elsewhere, too");
    const cluster: Cluster = { op, attrs: this.reader.attrs(op), root, out, bounds, reader: this.reader };
    const answer = answerTo(cluster);
    if ("refuse" in answer) return this.refuse(op, answer.refuse);
    const problem = this.unsupported(answer);
    if (problem !== null) return this.refuse(op, problem);
    const source = this.reader.dequantized(op.results[0]);
    const loc = mergeLocations(op.loc, root.loc);
    const result = answer.length > 0 ? this.writer.write(answer, this.body, root, loc) : source?.codes;
    if (result === undefined) return this.refuse(op, "there is nothing to put in its place");
    this.replace(root, result);
    return true;
  }

  /** The op behind relus and clips. For a bare dequantize it is the dequantize. null where no dequantized operand is in sight: the border of the integer part. */
  private clusterOf(root: EditableOp): { readonly op: EditableOp; readonly bounds: Bounds; readonly alone: boolean } | null {
    let bounds = unbounded;
    let alone = true;
    for (let user = root; ; ) {
      const operand = user.operands[0];
      const op = typeof operand === "number" ? this.body.def(operand) : null;
      if (!op) return null;
      if (this.reader.dequantized(operand)) return { op, bounds, alone };
      alone &&= this.reader.soleProducer(operand) !== null;
      const own = boundsOf(op, this.reader);
      if (!own) return op.operands.some((o) => this.readsBytes(o)) ? { op, bounds, alone } : null;
      bounds = { low: clip(own.low, bounds), high: clip(own.high, bounds) };
      user = op;
    }
  }

  /** Dequantized, or elementwise over something that is. */
  private readsBytes(operand: EditableOp["operands"][number]): boolean {
    if (typeof operand !== "number") return false;
    const op = this.body.def(operand);
    return op !== null && (op.name === "quant.dequantize" || (op.name.startsWith("math.") && op.operands.some((o) => this.readsBytes(o))));
  }

  private unsupported(steps: Exclude<Answer, { readonly refuse: string }>): string | null {
    const { unsupported } = this.options;
    if (!unsupported) return null;
    for (const request of describeSteps(steps, this.body, this.reader.registry)) {
      const why = unsupported(request);
      if (why !== null) return why;
    }
    return null;
  }

  private refuse(op: EditableOp, reason: string): false {
    this.refusals.set(op, reason);
    return false;
  }

  private replace(root: EditableOp, result: ValueId | string): void {
    const [codes, source] = [root.results[0] as ValueId, root.operands[0]];
    this.body.replaceAllUses(codes, result);
    this.body.erase(root);
    this.eraseDead(source);
  }

  private eraseDead(operand: EditableOp["operands"][number] | undefined): void {
    const op = typeof operand === "number" ? this.body.def(operand) : null;
    if (!op?.results.every((id) => this.body.users(id).length === 0 && !this.body.isReturned(id))) return;
    this.body.erase(op);
    for (const input of op.operands) this.eraseDead(input);
  }

  leftFloat(): readonly FloatCluster[] {
    const left: FloatCluster[] = [];
    for (const op of this.body.ops()) {
      const bare = computed.has(op.name) && this.reader.dequantized(op.operands[0]) !== null;
      const reason = this.refusals.get(op) ?? (bare ? "its result is not quantized" : null);
      const result = op.results[0] as ValueId;
      if (reason !== null) left.push({ op: op.name, value: this.body.info(result).name, reason });
    }
    return left;
  }
}

function answerTo(cluster: Cluster): Answer {
  const source = cluster.reader.dequantized(cluster.op.results[0]);
  if (source) return requantizeRule(source, cluster);
  const rule = rules.get(cluster.op.name);
  return rule ? rule.apply(cluster) : lookupRule(cluster);
}

/** The bounds of a relu or clip; null for another op. */
function boundsOf(op: EditableOp, reader: Reader): Bounds | null {
  if (op.name === "math.relu") return { low: 0, high: Number.POSITIVE_INFINITY };
  if (op.name !== "math.clip") return null;
  const { min, max } = reader.attrs(op) as { readonly min: number; readonly max: number };
  return { low: min, high: max };
}

function clip(value: number, { low, high }: Bounds): number {
  return Math.min(high, Math.max(low, value));
}
