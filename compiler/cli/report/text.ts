/** @file Text and tables of the report. */

/** For element content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}

export function number(value: number): string {
  return value.toLocaleString("en-US");
}

export function percent(part: number): string {
  return `${(100 * part).toFixed(2)} %`;
}

/** Cells are HTML already. */
export function tableOf(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = header.map((cell) => `<th>${cell}</th>`).join("");
  const body = rows.map(([first = "", ...cells]) => `<tr><th>${first}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}
