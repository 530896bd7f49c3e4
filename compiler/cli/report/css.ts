/** @file The report's style: light and dark, and nothing wider than a phone of 360 pixels: long names break, tables are laid out to the page's width. */
export const css = `
:root { color-scheme: light dark; --ink: light-dark(#1b1b1f, #e8e8ee); --paper: light-dark(#fff, #17171b); --line: light-dark(#d5d5dd, #3a3a44); --fill: #3d7bd9; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } h3 { margin: 0 0 .5rem; font-size: 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; } th:first-child { text-align: left; font-weight: normal; }
section { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; margin: .75rem 0; }
svg { display: block; width: 100%; height: auto; } svg text { font-size: 12px; fill: currentColor; }
rect.after { fill: var(--fill); } rect.before { fill: none; stroke: currentColor; stroke-opacity: .5; }
@media (max-width: 32rem) { body { padding: .5rem; font-size: 14px; } th, td { padding: .25rem; } }
`;
