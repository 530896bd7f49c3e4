/**
 * @file Tests of things that not every machine has. A missing thing is a skip, printed and counted by cause; a missing thing that
 * TERSOR_REQUIRE names (comma list, set by .ci/run) is a failure, so that a skip cannot hide there.
 */

export type Needed = "data" | "webgpu" | "chromium" | "ort" | "relaxed-simd";

const required = (process.env.TERSOR_REQUIRE ?? "").split(",").map((word) => word.trim());

/**
 * Call it inside a test, and return when it says false:
 * `if (!need("data", hasData, "mnist: 9,891 right")) return;`
 *
 * @param name the test's name, for the list of skips
 * @returns `present`
 * @throws when `what` is missing and TERSOR_REQUIRE names it
 */
export function need(what: Needed, present: boolean, name: string = process.argv[1] ?? "?"): boolean {
  if (present) return true;
  if (required.includes(what)) throw new Error(`${what} is missing, and TERSOR_REQUIRE names it`);
  process.stdout.write(`\nSKIP ${what}: ${name.replace(/\s+/g, " ")}\n`);
  return false;
}

type Handler<Context> = (context: Context) => void | Promise<void>;

/** `test`, for tests that all need one thing: `const dataTest = needing(test, "data", hasData); dataTest("name", () => ...)`. */
export function needing<Context>(
  test: (name: string, handler: Handler<Context>) => void,
  what: Needed,
  present: boolean,
): (name: string, handler: Handler<Context>) => void {
  return (name, handler) => test(name, async (context) => void (need(what, present, name) && (await handler(context))));
}
