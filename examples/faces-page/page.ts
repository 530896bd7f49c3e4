/** @file The page: choose or drop a picture, see the faces framed. Without a built-in model it asks for a `.tsr` first. The picture never leaves the page. */
import { fetchFacts } from "../page/facts.ts";
import { bytesText, millisecondsText, problemText } from "../page/text.ts";
import type { Face } from "./boxes.ts";
import { type Detector, openDetector } from "./detector.ts";

function element<E extends HTMLElement>(id: string, kind: new () => E): E {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

const canvas = element("picture", HTMLCanvasElement);
const says = element("says", HTMLElement);
const list = element("faces", HTMLOListElement);
const problem = element("problem", HTMLElement);

/** A larger picture is shown and searched at this longest side. */
const LONGEST_SIDE = 2048;

let detector: Detector | null = null;
let picture: ImageData | null = null;

/** Runs a step; what goes wrong is shown. The page's state tells style sheets and tests what it is doing. */
async function step(work: () => Promise<void>): Promise<void> {
  document.body.dataset.state = "working";
  problem.hidden = true;
  try {
    await work();
    document.body.dataset.state = "ready";
  } catch (error) {
    problem.textContent = problemText(error);
    problem.hidden = false;
    document.body.dataset.state = "failed";
  }
}

async function openModel(source: string | ArrayBuffer): Promise<void> {
  const opened = await openDetector(source);
  detector?.dispose();
  detector = opened;
  element("model-bytes", HTMLElement).textContent = bytesText(opened.modelBytes);
  await search();
}

async function openPicture(file: Blob): Promise<void> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("This file is no picture that the browser can read.");
  });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = context2d();
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  picture = context.getImageData(0, 0, canvas.width, canvas.height);
  canvas.hidden = false;
  await search();
}

async function search(): Promise<void> {
  list.replaceChildren();
  if (!detector) says.textContent = "Choose a model.";
  else if (!picture) says.textContent = "Choose a picture.";
  else {
    const { faces, milliseconds } = await detector.detect(picture);
    show(picture, faces);
    element("milliseconds", HTMLElement).textContent = millisecondsText(milliseconds);
  }
}

function show(pixels: ImageData, faces: readonly Face[]): void {
  const context = context2d();
  context.putImageData(pixels, 0, 0);
  context.lineWidth = Math.max(2, canvas.width / 200);
  context.strokeStyle = getComputedStyle(canvas).caretColor;
  for (const { left, top, right, bottom } of faces)
    context.strokeRect(left * canvas.width, top * canvas.height, (right - left) * canvas.width, (bottom - top) * canvas.height);
  says.textContent = faces.length === 0 ? "No face found." : faces.length === 1 ? "One face." : `${faces.length} faces.`;
  list.replaceChildren(...faces.map(rowOf));
}

function rowOf(face: Face): HTMLLIElement {
  const row = document.createElement("li");
  const percent = (part: number) => `${Math.round(100 * part)} %`;
  row.textContent = `${percent(face.score)} sure, ${percent(face.left)} from the left, ${percent(face.top)} from the top`;
  row.dataset.box = JSON.stringify(face);
  return row;
}

function context2d(): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context) return context;
  throw new Error("This browser gives no 2D canvas.");
}

/** Steps one after another, whatever the order of clicks. */
let queue = Promise.resolve();
const enqueue = (work: () => Promise<void>): void => {
  queue = queue.then(() => step(work));
};

const pickedBy = (id: string, use: (file: File) => Promise<void>): void => {
  const picker = element(id, HTMLInputElement);
  picker.addEventListener("change", () => {
    const [file] = picker.files ?? [];
    if (file) enqueue(() => use(file));
  });
};

pickedBy("model-file", async (file) => openModel(await file.arrayBuffer()));
pickedBy("picture-file", openPicture);
document.body.addEventListener("dragover", (event) => event.preventDefault());
document.body.addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer?.files ?? [];
  if (file) enqueue(async () => (file.name.endsWith(".tsr") ? openModel(await file.arrayBuffer()) : openPicture(file)));
});

enqueue(async () => {
  const { scriptBytes, scriptGzipBytes, modelBytes } = await fetchFacts();
  element("runtime-bytes", HTMLElement).textContent = `${bytesText(scriptBytes)} (${bytesText(scriptGzipBytes)} gzip)`;
  if (modelBytes === null) await search();
  else await openModel("model.tsr");
});
