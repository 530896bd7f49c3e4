/**
 * @file Reads which module imports which, from the sources' syntax alone (TypeScript's parser, no resolution of types), and says
 * which of those edges the rules forbid.
 */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import ts from "typescript";

/** `type` edges vanish when compiled; `dynamic` is `import("literal")`. */
export type EdgeKind = "static" | "dynamic" | "type";

export interface Edge {
  readonly from: string;
  /** A file relative to the root when `local`, otherwise a bare specifier (`flatbuffers`, `node:fs`). */
  readonly to: string;
  readonly local: boolean;
  readonly kind: EdgeKind;
  readonly line: number;
}

/** One room: the files it holds, and what they may import beside one another. The first rule whose `files` matches a file holds. */
export interface Rule {
  readonly room: string;
  readonly files: RegExp;
  /** Files of the project, as patterns over paths relative to the root; `<1>` is what the first group of `files` matched. */
  readonly may: readonly string[];
  /** npm packages; a subpath of one counts as the package. */
  readonly packages: readonly string[];
  /** npm packages that may only be imported dynamically, or for their types. */
  readonly lazyPackages: readonly string[];
  readonly node: boolean;
}

/** Names the module that a declaration or an `import()` call refers to, with the edge's kind. */
function target(node: ts.Node): { readonly specifier: string; readonly kind: EdgeKind } | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, kind: node.importClause?.isTypeOnly ? "type" : "static" };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, kind: node.isTypeOnly ? "type" : "static" };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { specifier: node.argument.literal.text, kind: "type" };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments;
    return argument !== undefined && ts.isStringLiteralLike(argument) ? { specifier: argument.text, kind: "dynamic" } : undefined;
  }
  return undefined;
}

/** Local specifiers become files relative to the root; generated code says `./x.js` for `./x.ts`. */
function resolveFrom(file: string, specifier: string): Pick<Edge, "to" | "local"> {
  if (!specifier.startsWith(".")) return { to: specifier, local: false };
  return { to: posix.join(posix.dirname(file), specifier).replace(/\.js$/, ".ts"), local: true };
}

/** All edges that leave one file. */
export function edgesOf(file: string, text: string): Edge[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, false);
  const edges: Edge[] = [];
  const visit = (node: ts.Node): void => {
    const found = target(node);
    if (found !== undefined) {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      edges.push({ from: file, ...resolveFrom(file, found.specifier), kind: found.kind, line });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return edges;
}

/** Every edge between, and out of, the TypeScript files of the given folders. */
export function edgesIn(root: string, folders: readonly string[], ignore: RegExp): Edge[] {
  return folders.flatMap((folder) =>
    readdirSync(posix.join(root, folder), { recursive: true, encoding: "utf8" })
      .map((name) => posix.join(folder, name.replaceAll("\\", "/")))
      .filter((file) => /\.m?ts$/.test(file) && !ignore.test(file))
      .sort()
      .flatMap((file) => edgesOf(file, readFileSync(posix.join(root, file), "utf8"))),
  );
}

const packageOf = (specifier: string): string => (specifier.match(/^(@[^/]+\/[^/]+|[^/]+)/) ?? [specifier])[0];

/** The rule's patterns for one file: `<1>` in a pattern is the text that the first group of `files` matched (a plugin's name). */
function mayImport(rule: Rule, from: string): RegExp[] {
  const name = rule.files.exec(from)?.[1] ?? "";
  return rule.may.map((pattern) => new RegExp(pattern.replaceAll("<1>", name)));
}

function allows(rule: Rule, edge: Edge): boolean {
  if (edge.local) return mayImport(rule, edge.from).some((pattern) => pattern.test(edge.to));
  if (edge.to.startsWith("node:")) return rule.node;
  const name = packageOf(edge.to);
  return rule.packages.includes(name) || (edge.kind !== "static" && rule.lazyPackages.includes(name));
}

/** One line per forbidden edge; a file that no rule covers is forbidden whatever it imports. */
export function violations(rules: readonly Rule[], edges: readonly Edge[]): string[] {
  return edges.flatMap((edge) => {
    const rule = rules.find((r) => r.files.test(edge.from));
    if (rule === undefined) return [`${edge.from}: no rule covers this file`];
    return allows(rule, edge) ? [] : [`${edge.from}:${edge.line}: ${rule.room} may not import ${edge.to} (${edge.kind})`];
  });
}
