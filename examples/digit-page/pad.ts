/**
 * @file The paper: strokes by mouse, finger or pen (pointer events), or by keyboard: arrow keys move a pen, Space sets it down and lifts it, Backspace takes the last
 * stroke back, Escape clears. Keeps strokes, not pixels, so that they can be inked in any size.
 */
import type { Point, Stroke } from "./ink.ts";

/** Side of the paper in the strokes' unit. */
export const PAPER = 1;
const STEP = 0.04;
const PEN = 0.07;

const arrows: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -STEP, y: 0 },
  ArrowRight: { x: STEP, y: 0 },
  ArrowUp: { x: 0, y: -STEP },
  ArrowDown: { x: 0, y: STEP },
};

export class Pad {
  private readonly canvas: HTMLCanvasElement;
  private readonly changed: () => void;
  private strokes: Point[][] = [];
  /** The stroke under way, by what draws it. */
  private drawing: number | "keyboard" | null = null;
  private cursor: Point = { x: 0.5, y: 0.25 };

  /** @param changed called after every change of the strokes */
  constructor(canvas: HTMLCanvasElement, changed: () => void) {
    this.canvas = canvas;
    this.changed = changed;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"] as const) canvas.addEventListener(end, (event) => this.end(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const look of ["focus", "blur"]) canvas.addEventListener(look, () => this.paint());
    new ResizeObserver(() => this.fit()).observe(canvas);
  }

  lines(): readonly Stroke[] {
    return this.strokes;
  }

  clear(): void {
    this.strokes = [];
    this.drawing = null;
    this.update();
  }

  undo(): void {
    this.strokes.pop();
    this.drawing = null;
    this.update();
  }

  private begin(event: PointerEvent): void {
    if (event.button !== 0 || typeof this.drawing === "number") return;
    this.canvas.setPointerCapture(event.pointerId);
    this.drawing = event.pointerId;
    this.strokes.push([this.place(event)]);
    this.update();
  }

  private move(event: PointerEvent): void {
    if (event.pointerId !== this.drawing) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length > 0 ? events : [event]) this.strokes.at(-1)?.push(this.place(each));
    this.update();
  }

  private end(event: PointerEvent): void {
    if (event.pointerId === this.drawing) this.drawing = null;
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const arrow = arrows[event.key];
    if (arrow) this.step(arrow);
    else if (event.key === " ") this.penUpOrDown();
    else if (event.key === "Backspace") this.undo();
    else if (event.key === "Escape") this.clear();
    else return;
    event.preventDefault();
  }

  private step({ x, y }: Point): void {
    const inside = (value: number) => Math.min(PAPER, Math.max(0, value));
    this.cursor = { x: inside(this.cursor.x + x), y: inside(this.cursor.y + y) };
    if (this.drawing === "keyboard") this.strokes.at(-1)?.push(this.cursor);
    this.update();
  }

  private penUpOrDown(): void {
    if (typeof this.drawing === "number") return;
    this.drawing = this.drawing === null ? "keyboard" : null;
    if (this.drawing) this.strokes.push([this.cursor]);
    this.update();
  }

  private place({ clientX, clientY }: PointerEvent): Point {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return { x: ((clientX - left) / width) * PAPER, y: ((clientY - top) / height) * PAPER };
  }

  private update(): void {
    this.paint();
    this.changed();
  }

  /** As many canvas pixels as the screen has there. */
  private fit(): void {
    const side = Math.round(this.canvas.clientWidth * devicePixelRatio);
    if (side === 0 || side === this.canvas.width) return;
    this.canvas.width = side;
    this.canvas.height = side;
    this.paint();
  }

  private paint(): void {
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const { width } = this.canvas;
    const { color, caretColor } = getComputedStyle(this.canvas);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, width);
    context.scale(width / PAPER, width / PAPER);
    Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: PEN, strokeStyle: color });
    for (const stroke of this.strokes) paintLine(context, stroke);
    if (this.canvas.matches(":focus-visible")) paintCursor(context, this.cursor, caretColor, this.drawing === "keyboard");
  }
}

function paintLine(context: CanvasRenderingContext2D, stroke: Stroke): void {
  const [first] = stroke;
  if (!first) return;
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (const { x, y } of stroke) context.lineTo(x, y);
  context.stroke();
}

function paintCursor(context: CanvasRenderingContext2D, { x, y }: Point, color: string, down: boolean): void {
  context.beginPath();
  context.arc(x, y, PEN / 2, 0, 2 * Math.PI);
  Object.assign(context, { lineWidth: 0.012, strokeStyle: color, fillStyle: color });
  if (down) context.fill();
  context.stroke();
}
