/** @file The GPU of these tests, and one whose buffers and devices a test can see. */
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);

export const real: GPU = create([]);

/** null where this machine has none. */
export const adapter: GPUAdapter | null = await real.requestAdapter().catch(() => null);

/** A GPU whose devices can be watched: buffers alive and ever created, and the device itself. */
export function watched(): { readonly gpu: GPU; readonly alive: Set<GPUBuffer>; readonly created: GPUBuffer[]; device(): GPUDevice } {
  const alive = new Set<GPUBuffer>();
  const created: GPUBuffer[] = [];
  const devices: GPUDevice[] = [];
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const found = await real.requestAdapter(options);
    if (!found) return null;
    const requestDevice = async (wanted?: GPUDeviceDescriptor) => {
      const device = await found.requestDevice(wanted);
      const make = device.createBuffer.bind(device);
      device.createBuffer = (descriptor) => {
        const buffer = make(descriptor);
        alive.add(buffer);
        created.push(buffer);
        const destroy = buffer.destroy.bind(buffer);
        buffer.destroy = () => {
          alive.delete(buffer);
          return destroy();
        };
        return buffer;
      };
      devices.push(device);
      return device;
    };
    return { features: found.features, limits: found.limits, info: found.info, requestDevice } as unknown as GPUAdapter;
  };
  const gpu = { requestAdapter, wgslLanguageFeatures: real.wgslLanguageFeatures } as unknown as GPU;
  return { gpu, alive, created, device: () => devices[0] as GPUDevice };
}
