/** @file What a case may take. The limits that the fuzzer gives to `load` are those of an app that opens strangers' files; the others are the requirement. */

/** For `load`: well under 5 s on the slowest backend, well under 64 MB. */
export const strangerLimits = { maxWork: 2e7, maxMemory: 24 * 2 ** 20, maxExpandedBytes: 12 * 2 ** 20 } as const;

/** A module is compiled and run when it is below these, symbols taken as 2. */
export const small = { work: 2e7, bytes: 4 * 2 ** 20, ops: 2000 } as const;

/** Seconds of wall clock for one case. */
export const caseSeconds = 5;

/** Bytes beside what was there before the case. */
export const caseBytes = (fileLength: number): number => 64e6 + 4 * fileLength;
