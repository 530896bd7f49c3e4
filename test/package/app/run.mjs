/** @file Runs one bundle in Node: `node run.mjs BUNDLE MODEL` prints what it answers as JSON. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [bundle = "", model = ""] = process.argv.slice(2);
const { classify, refusal } = await import(pathToFileURL(bundle).href);
const file = new Uint8Array(readFileSync(model));
const damaged = file.map((byte, i) => (i === file.length >> 1 ? byte ^ 1 : byte));
console.log(JSON.stringify({ answer: await classify(file), damaged: await refusal(damaged) }));
