/**
 * @file A headless Chromium for tests, and pages that report: everything that a page logs as an error, throws, or does against its content-security policy is collected, and
 * a test asserts that there was nothing (or exactly what it provoked).
 */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const EXECUTABLE = process.env.TERSOR_CHROMIUM ?? "/usr/bin/chromium";

export const hasChromium: boolean = existsSync(EXECUTABLE);

export interface LaunchOptions {
  /** WebGPU on the software adapter that Chromium brings; without it there is no adapter. */
  readonly webgpu?: boolean;
}

/** No GPU, no network of its own; `--no-sandbox` because CI runs as root. */
export function launch({ webgpu = false }: LaunchOptions = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...(webgpu ? ["--enable-unsafe-webgpu"] : []),
    ],
  });
}

export interface WatchedPage {
  readonly page: Page;
  /** Console errors, uncaught errors, failed requests and policy violations so far, as text. */
  problems(): Promise<readonly string[]>;
}

/** Chromium says this, now and then, of a response whose body was read to its end as a stream, by any page: it tells nothing. A load that broke off shows in the page. */
const READ_TO_THE_END = "net::ERR_ABORTED";

/** Stands where the page's own scripts cannot reach it by accident. */
const VIOLATIONS = "__policyViolations";

export async function openPage(
  browser: Browser,
  url: string,
  prepare: (page: Page) => Promise<unknown> = async () => undefined,
): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: { width: 900, height: 900 } });
  const seen: string[] = [];
  page.on("console", (message) => message.type() === "error" && seen.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => seen.push(`uncaught: ${error.message}`));
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "";
    if (reason !== READ_TO_THE_END) seen.push(`failed: ${request.url()} ${reason}`);
  });
  await page.addInitScript((name) => {
    const violations: string[] = [];
    Object.defineProperty(globalThis, name, { value: violations });
    document.addEventListener("securitypolicyviolation", (event) => {
      violations.push(`policy: ${event.effectiveDirective} ${event.blockedURI}`);
    });
  }, VIOLATIONS);
  await prepare(page);
  await page.goto(url);
  return {
    page,
    problems: async () => [...seen, ...(await page.evaluate((name) => Reflect.get(globalThis, name) as string[], VIOLATIONS))],
  };
}
