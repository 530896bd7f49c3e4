/** @file A line on standard error that says how far the run is and when it will end; nothing where there is no terminal but what must be told. */

export class Progress {
  private readonly total: number;
  private readonly started = performance.now();
  private readonly live = process.stderr.isTTY === true;
  private count = 0;
  private shown = 0;

  constructor(total: number) {
    this.total = total;
  }

  step(): void {
    this.count++;
    const now = performance.now();
    if (!this.live || (now - this.shown < 200 && this.count < this.total)) return;
    this.shown = now;
    const share = this.count / this.total;
    const left = ((now - this.started) / 1000) * (1 / share - 1);
    const bar = "=".repeat(Math.round(30 * share)).padEnd(30);
    process.stderr.write(`\r[${bar}] ${this.count}/${this.total}, ${left.toFixed(0)} s left   `);
  }

  /** A line of its own. */
  note(text: string): void {
    process.stderr.write(`${this.live ? "\r\u001b[K" : ""}${text}\n`);
  }

  done(): void {
    if (this.live) process.stderr.write("\n");
  }
}
