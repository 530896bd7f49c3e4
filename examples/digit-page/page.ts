/**
 * @file The page: paper on one side, ten bars on the other. `?worker` runs the model in a worker, `?webgpu` on the GPU where there is one, `?model=FILE.tsr` takes another
 * file from the same server. A drawing that changes while the model runs is classified again when the run ends; what came between is dropped.
 */
import { fetchFacts } from "../page/facts.ts";
import { bytesText, millisecondsText, problemText } from "../page/text.ts";
import { greyToRgba, inkDigit, SIDE } from "./ink.ts";
import { PAPER, Pad } from "./pad.ts";
import { type Answer, type ModelFacts, openRecognizer, type Recognizer, type RecognizerSource } from "./recognizer.ts";
import { openInWorker } from "./remote.ts";

const query = new URLSearchParams(location.search);
const inWorker = query.has("worker");
const options = { webgpu: query.has("webgpu") };

function element<E extends HTMLElement>(id: string, kind: new () => E): E {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

const shown = {
  answer: element("answer", HTMLOutputElement),
  seen: element("seen", HTMLCanvasElement),
  bars: element("bars", HTMLOListElement),
  model: element("model-bytes", HTMLElement),
  runtime: element("runtime-bytes", HTMLElement),
  time: element("milliseconds", HTMLElement),
  backend: element("backend", HTMLElement),
  skipped: element("skipped", HTMLElement),
  problem: element("problem", HTMLElement),
};

const bars = Array.from({ length: 10 }, (_, digit) => {
  const row = document.createElement("li");
  const part = (className: string) => row.appendChild(Object.assign(document.createElement("span"), { className }));
  part("digit").textContent = String(digit);
  const fill = part("track").appendChild(Object.assign(document.createElement("span"), { className: "fill" }));
  const percent = part("percent");
  shown.bars.append(row);
  return (probability: number, best: boolean) => {
    row.classList.toggle("best", best);
    fill.style.inlineSize = `${100 * probability}%`;
    percent.textContent = `${(100 * probability).toFixed(1)} %`;
  };
});

function showAnswer({ probabilities, milliseconds }: Answer): void {
  const best = probabilities.indexOf(Math.max(...probabilities));
  bars.forEach((show, digit) => {
    show(probabilities[digit] ?? 0, digit === best);
  });
  shown.answer.value = String(best);
  shown.time.textContent = millisecondsText(milliseconds);
}

function showNothing(): void {
  for (const show of bars) show(0, false);
  shown.answer.value = "";
  shown.time.textContent = "\u2013";
}

function showModel({ modelBytes, backend, skipped }: ModelFacts): void {
  shown.model.textContent = bytesText(modelBytes);
  shown.backend.textContent = backend;
  shown.skipped.textContent = skipped.map((one) => `Not on ${one.backend}: ${one.reason}`).join(" ");
  shown.skipped.hidden = skipped.length === 0;
}

function showProblem(error: unknown): void {
  shown.problem.textContent = problemText(error);
  shown.problem.hidden = false;
}

let recognizer: Recognizer | null = null;
let running = false;
let stale = false;

async function classify(): Promise<void> {
  stale = true;
  if (running || !recognizer) return;
  running = true;
  try {
    while (stale) {
      stale = false;
      await classifyOnce(recognizer);
    }
  } catch (error) {
    showProblem(error);
  } finally {
    running = false;
  }
}

async function classifyOnce(model: Recognizer): Promise<void> {
  const strokes = pad.lines();
  const image = new ImageData(greyToRgba(inkDigit(strokes, PAPER)), SIDE, SIDE);
  shown.seen.getContext("2d")?.putImageData(image, 0, 0);
  if (strokes.length === 0) return showNothing();
  const answer = await model.classify({ data: image.data, width: SIDE, height: SIDE });
  if (pad.lines().length > 0) showAnswer(answer);
}

const pad = new Pad(element("paper", HTMLCanvasElement), () => void classify());

async function open(source: RecognizerSource): Promise<void> {
  document.body.dataset.state = "loading";
  shown.problem.hidden = true;
  try {
    const opened = inWorker
      ? await openInWorker(source, options, new URL("worker.js", import.meta.url))
      : await openRecognizer(source, options);
    recognizer?.dispose();
    recognizer = opened;
    showModel(opened);
    document.body.dataset.state = "ready";
    await classify();
  } catch (error) {
    document.body.dataset.state = "failed";
    showProblem(error);
  }
}

async function showFacts(): Promise<void> {
  const { scriptBytes, scriptGzipBytes, lazyScriptBytes, lazyScriptGzipBytes } = await fetchFacts();
  const raw = scriptBytes + (options.webgpu ? lazyScriptBytes : 0);
  const gzip = scriptGzipBytes + (options.webgpu ? lazyScriptGzipBytes : 0);
  shown.runtime.textContent = `${bytesText(raw)} (${bytesText(gzip)} gzip)`;
}

element("clear", HTMLButtonElement).addEventListener("click", () => pad.clear());
element("undo", HTMLButtonElement).addEventListener("click", () => pad.undo());
const picker = element("file", HTMLInputElement);
picker.addEventListener("change", async () => {
  const [file] = picker.files ?? [];
  if (file) await open(await file.arrayBuffer());
});
element("where", HTMLElement).textContent = inWorker ? "in a worker" : "on the main thread";
showNothing();
showFacts().catch(showProblem);
void open(query.get("model") ?? "model.tsr");
