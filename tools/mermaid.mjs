// Parses diagrams with Mermaid itself: `node mermaid.mjs FILE…`. A `.mmd` file is one diagram, a
// `.md` file holds them in blocks marked `mermaid`. Prints `ok PLACE` or `bad PLACE: why`.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const dom = new JSDOM("");
globalThis.window = dom.window;
globalThis.document = dom.window.document;
const { default: mermaid } = await import("mermaid");

function diagrams(file) {
  const text = readFileSync(file, "utf8");
  if (!file.endsWith(".md")) return [[file, text]];
  const blocks = text.matchAll(/^```mermaid\r?\n([\s\S]*?)^```/gm);
  return [...blocks].map((block) => {
    const line = text.slice(0, block.index).split("\n").length;
    return [`${file}:${line}`, block[1]];
  });
}

let bad = 0;
for (const [place, text] of process.argv.slice(2).flatMap(diagrams)) {
  try {
    await mermaid.parse(text);
    console.log(`ok ${place}`);
  } catch (error) {
    bad += 1;
    console.log(`bad ${place}: ${String(error.message).replaceAll("\n", " ")}`);
  }
}
process.exit(bad === 0 ? 0 : 1);
