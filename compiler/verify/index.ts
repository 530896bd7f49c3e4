/** @file The verifier. */
export { assertValid, type Profile, type VerifyOptions, verifyModule } from "./verify.ts";
