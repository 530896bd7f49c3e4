/**
 * @file A plan whose steps run on the device and on a companion backend in turn. Each segment is an executable of its own (`segments.ts`); between them tensors stay on the device where the
 * device reads them again, and cross, all at once, where the other side does.
 */
import type { DeviceRuns, Executable, Plan } from "../../../backend.ts";
import { DeviceTensor } from "../../../device-tensor.ts";
import { RuntimeError } from "../../../errors.ts";
import type { RunLimits } from "../../../limits.ts";
import type { Tensor } from "../../../tensor.ts";
import { type CheckedInputs, checkedInputs, refuseBeyond } from "../checked-inputs.ts";
import { Ledger } from "./ledger.ts";
import { type Segment, type Segmented, type SegmentOutput, segmentsOf } from "./segments.ts";

type Bindings = ReadonlyMap<string, number>;
type Place = SegmentOutput["place"];
type Prepare = (plan: Plan, limits: RunLimits) => Promise<Executable>;

/** Where a value is; on both sides at once where both want it. */
interface Held {
  host?: Tensor;
  device?: DeviceTensor;
}

interface Prepared {
  readonly segment: Segment;
  readonly executable: Executable;
}

export class MixedExecutable implements Executable {
  readonly onDevice: DeviceRuns = {
    holds: (tensor) => this.device.holds(tensor),
    runToHost: (inputs, bindings) => this.run(inputs, bindings),
    runToDevice: (inputs, bindings) => this.runToDevice(inputs, bindings),
    runTo: (places, inputs, bindings) => this.runTo(places, inputs, bindings),
  };
  private readonly segmented: Segmented;
  private readonly prepared: readonly Prepared[];
  /** A plan without steps: it brings results that the companion made to the device. */
  private readonly uploader: Executable;

  private readonly plan: Plan;
  private readonly checked: CheckedInputs;

  private readonly ledger: Ledger;

  private constructor(plan: Plan, segmented: Segmented, prepared: readonly Prepared[], uploader: Executable, ledger: Ledger) {
    this.plan = plan;
    this.ledger = ledger;
    this.checked = checkedInputs(plan);
    this.segmented = segmented;
    this.prepared = prepared;
    this.uploader = uploader;
  }

  static async prepare(plan: Plan, limits: RunLimits, own: Prepare, companion: Prepare): Promise<MixedExecutable> {
    const segmented = segmentsOf(plan);
    const ledger = new Ledger(limits);
    const done: Executable[] = [];
    try {
      const prepared: Prepared[] = [];
      for (const segment of segmented.segments) {
        const executable = await (segment.home === "own" ? own : companion)(segment.plan, ledger.part());
        done.push(executable);
        prepared.push({ segment, executable });
      }
      const uploader = await own(returningAll(plan), ledger.part());
      done.push(uploader);
      return new MixedExecutable(plan, segmented, prepared, uploader, ledger);
    } catch (error) {
      for (const executable of done) executable.dispose();
      throw error;
    }
  }

  async run(inputs: readonly (Tensor | DeviceTensor)[], bindings: Bindings): Promise<readonly Tensor[]> {
    return (await this.runTo(
      this.segmented.returns.map(() => "host"),
      inputs,
      bindings,
    )) as readonly Tensor[];
  }

  private async runToDevice(inputs: readonly (Tensor | DeviceTensor)[], bindings: Bindings): Promise<readonly DeviceTensor[]> {
    return (await this.runTo(
      this.segmented.returns.map(() => "device"),
      inputs,
      bindings,
    )) as readonly DeviceTensor[];
  }

  dispose(): void {
    for (const { executable } of this.prepared) executable.dispose();
    this.uploader.dispose();
  }

  private get device(): DeviceRuns {
    return this.uploader.onDevice as DeviceRuns;
  }

  private async runTo(
    places: readonly Place[],
    inputs: readonly (Tensor | DeviceTensor)[],
    bindings: Bindings,
  ): Promise<readonly (Tensor | DeviceTensor)[]> {
    const held = new Map<number, Held>();
    /** What this run made on the device, to be given back. */
    const mine = new Set<DeviceTensor>();
    this.ledger.enter(bindings);
    try {
      for (const [value, input] of inputs.entries()) held.set(value, await this.entry(value, input));
      for (const [index, bounds] of this.checked) {
        const input = inputs[index];
        if (input) refuseBeyond(this.plan, index, input instanceof DeviceTensor ? await input.read() : input, bounds);
      }
      for (const { segment, executable } of this.prepared) {
        const results = await this.runSegment(segment, executable, held, bindings);
        segment.outputs.forEach(({ value, place }, i) => {
          const result = results[i] as Tensor | DeviceTensor;
          held.set(value, { ...held.get(value), [place]: result });
          if (result instanceof DeviceTensor) mine.add(result);
        });
      }
      return await this.give(places, held, bindings);
    } catch (error) {
      this.ledger.failed(error);
      throw error;
    } finally {
      for (const tensor of mine) tensor.dispose();
    }
  }

  /** An input that the companion reads, or that is a result, comes to the host. */
  private async entry(value: number, input: Tensor | DeviceTensor): Promise<Held> {
    if (!(input instanceof DeviceTensor)) return { host: input };
    const { hostInputs, returns } = this.segmented;
    return hostInputs.has(value) || returns.includes(value) ? { host: await input.read(), device: input } : { device: input };
  }

  private runSegment(
    { home, inputs, outputs }: Segment,
    executable: Executable,
    held: ReadonlyMap<number, Held>,
    bindings: Bindings,
  ): Promise<readonly (Tensor | DeviceTensor)[]> {
    if (home === "companion")
      return executable.run(
        inputs.map((value) => hostOf(held, value)),
        bindings,
      );
    const taken = inputs.map((value) => held.get(value)?.device ?? hostOf(held, value));
    return (executable.onDevice as DeviceRuns).runTo(
      outputs.map(({ place }) => place),
      taken,
      bindings,
    );
  }

  private async give(
    places: readonly Place[],
    held: ReadonlyMap<number, Held>,
    bindings: Bindings,
  ): Promise<readonly (Tensor | DeviceTensor)[]> {
    const results = this.segmented.returns.map((value) => hostOf(held, value));
    if (places.every((place) => place === "host")) return results;
    return (this.uploader.onDevice as DeviceRuns).runTo(places, results, bindings);
  }
}

function hostOf(held: ReadonlyMap<number, Held>, value: number): Tensor {
  const tensor = held.get(value)?.host;
  if (!tensor) throw new RuntimeError("R0407", `value ${value} is not in the host's memory`, "webgpu");
  return tensor;
}

/** `main(results) { return them }`. */
function returningAll(plan: Plan): Plan {
  const { main, constants } = plan;
  const values = main.returns.map((operand) => {
    const type =
      operand.kind === "value" ? main.values[operand.value] : operand.kind === "constant" ? constants[operand.constant] : undefined;
    if (!type) throw new RuntimeError("R0407", "an absent result", "webgpu");
    return { dtype: type.dtype, shape: type.shape };
  });
  const returns = values.map((_, value) => ({ kind: "value" as const, value }));
  return {
    ...plan,
    init: { values: [], params: 0, steps: [], returns: [] },
    main: { values, params: values.length, steps: [], returns },
    inputCount: values.length,
  };
}
