/**
 * @file A backend in memory whose every answer comes later, as a GPU's would: it proves that the interface is asynchronous, and lets tests fail at each
 * point. Its kernels are `lookup`, `linear`, `relu`.
 */
import {
  type Backend,
  type Executable,
  type Plan,
  type PlanFunction,
  type PlanOperand,
  RuntimeError,
  Tensor,
} from "../../runtime/index.ts";

type Kernel = (operands: readonly (Tensor | null)[]) => Float32Array;

export const kernels: Readonly<Record<string, Kernel>> = {
  lookup([table, codes]) {
    const [values, packed] = [floats(table), codes?.data as Uint8Array];
    const count = codes?.shape.reduce((n, d) => n * d, 1) ?? 0;
    return Float32Array.from({ length: count }, (_, i) => values[((packed[i >> 2] as number) >> (2 * (i & 3))) & 3] as number);
  },
  linear([x, weight, bias]) {
    const [rows, depth, out] = [x?.shape[0] ?? 0, x?.shape[1] ?? 0, weight?.shape[0] ?? 0];
    const y = new Float32Array(rows * out);
    for (let r = 0; r < rows; r++) {
      for (let o = 0; o < out; o++) {
        let sum = floats(bias)[o] as number;
        for (let k = 0; k < depth; k++) sum += (floats(x)[r * depth + k] as number) * (floats(weight)[o * depth + k] as number);
        y[r * out + o] = sum;
      }
    }
    return y;
  },
  relu: ([x]) => floats(x).map((v) => Math.max(v, 0)),
};

function floats(tensor: Tensor | null | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new TypeError("expected f32");
  return tensor.data;
}

export const later = (): Promise<void> => new Promise((done) => setTimeout(done, 1));

export interface FakeOptions {
  readonly name?: string;
  readonly targets?: readonly string[];
  readonly failOpen?: boolean;
  readonly kernels?: Readonly<Record<string, Kernel>>;
  readonly sync?: boolean;
}

export class FakeBackend implements Backend {
  readonly name: string;
  readonly targets: readonly string[];
  /** What happened, in order. */
  readonly log: string[] = [];
  running = 0;
  private readonly options: FakeOptions;
  private readonly kernels: Readonly<Record<string, Kernel>>;

  constructor(options: FakeOptions = {}) {
    this.name = options.name ?? "fake";
    this.targets = options.targets ?? ["fake"];
    this.options = options;
    this.kernels = options.kernels ?? kernels;
  }

  async open(): Promise<void> {
    await later();
    if (this.options.failOpen) throw new RuntimeError("R0401", "there is no such device here", `backend ${this.name}`);
    this.log.push("open");
  }

  hasKernel(id: string): boolean {
    return Object.hasOwn(this.kernels, id);
  }

  async prepare(plan: Plan): Promise<Executable> {
    await later();
    const made = this.walk(plan, plan.init, [], new Map());
    this.log.push("prepare");
    const evaluate = (inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>) =>
      this.walk(plan, plan.main, [...inputs, ...made], bindings);
    const run: Executable["run"] = async (inputs, bindings) => {
      if (++this.running > 1) throw new Error("calls overlap");
      await later();
      try {
        return evaluate(inputs, bindings);
      } finally {
        this.running--;
        this.log.push("run");
      }
    };
    const dispose = () => void this.log.push("dispose executable");
    return this.options.sync ? { run, runSync: evaluate, dispose } : { run, dispose };
  }

  dispose(): void {
    this.log.push("dispose");
  }

  private walk(plan: Plan, func: PlanFunction, params: readonly Tensor[], bindings: ReadonlyMap<string, number>): readonly Tensor[] {
    const values = [...params];
    const get = (operand: PlanOperand): Tensor | null => {
      if (operand.kind === "value") return values[operand.value] as Tensor;
      const constant = operand.kind === "constant" ? plan.constants[operand.constant] : undefined;
      return constant ? Tensor.fromBytes(constant.dtype, constant.bytes(), constant.shape) : null;
    };
    for (const step of func.steps) {
      const kernel = this.kernels[step.kernel] as Kernel;
      const [result] = step.results;
      const shape = (func.values[result ?? -1]?.shape ?? []).map((d) => (typeof d === "number" ? d : d.evaluate(bindings)));
      values[result as number] = new Tensor("f32", kernel(step.operands.map(get)), shape);
    }
    return func.returns.map((operand) => get(operand) as Tensor);
  }
}
