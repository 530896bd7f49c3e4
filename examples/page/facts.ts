/** @file What the build of a page knows and the page shows. */

/** What the build found out and wrote as `facts.json` beside the page. */
export interface PageFacts {
  /** Of the scripts that the page and its worker always fetch: the page's own and the runtime with its kernels. */
  readonly scriptBytes: number;
  readonly scriptGzipBytes: number;
  /** Of those that are fetched when they are asked for. */
  readonly lazyScriptBytes: number;
  readonly lazyScriptGzipBytes: number;
  /** null where the page was built without a model. */
  readonly modelBytes: number | null;
  readonly sourceBytes: number | null;
}

export async function fetchFacts(): Promise<PageFacts> {
  const response = await fetch("facts.json");
  if (!response.ok) throw new Error(`facts.json: ${response.status}`);
  return (await response.json()) as PageFacts;
}
