/** @file All that the page takes of the WebGPU backend, in a file of its own: the bundler makes a script of it that only `?webgpu` fetches. */
export { webgpu } from "tersor/runtime/webgpu";
