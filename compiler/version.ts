/** @file The version that build records carry; a test holds it equal to package.json's. */
export const compilerVersion = "0.1.0";
