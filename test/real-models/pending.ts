/** @file Models that do not import yet, and what they wait for. One that imports is not pending: its test fails until it is taken off this list. */
import { TersorError } from "../../ir-spec/index.ts";

const pending: Readonly<Record<string, RegExp>> = {};

/**
 * Runs a model's test. Of a pending model it must fail at the import, for the reason that is listed.
 * @throws what the test throws; Error for a pending model that works
 */
export async function unlessPending(name: string, run: () => Promise<void>): Promise<void> {
  const reason = pending[name];
  if (!reason) return run();
  try {
    await run();
  } catch (error) {
    if (!(error instanceof TersorError) || !error.problems.every(({ code, message }) => /^E06/.test(code) && reason.test(message)))
      throw error;
    process.stdout.write(`\nPENDING ${name}: ${[...new Set(error.problems.map(({ message }) => message))].join("; ")}\n`);
    return;
  }
  throw new Error(`${name} works: take it off the list in pending.ts`);
}
