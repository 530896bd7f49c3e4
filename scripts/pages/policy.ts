/** @file The content-security policy of the example pages: in each page's `<meta>`, and in the header of the server that shows it. Nothing inline, no `eval`. */
export const CONTENT_SECURITY_POLICY: string = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
