/** The titles of the tests that a file really runs, read from its syntax: comments and skipped tests have none. */
import { parseAst } from "vitest/node";

/** A node of the syntax tree, as far as it is looked at. */
interface Node {
  type: string;
  [field: string]: unknown;
}

const TEST_NAMES = new Set(["test", "it", "describe", "suite"]);
/** What may stand behind `test.`; anything else skips it, or may. */
const RUNNING = new Set(["each", "for", "concurrent", "sequential"]);

/** Titles of tests and groups, and the strings of the tables that they are run for. */
export function testTitles(source: string): Set<string> {
  const program = parseAst(source, { lang: "ts" }) as unknown as Node;
  const constants = new Map<unknown, unknown>();
  walk(program, (node) => {
    if (node.type === "VariableDeclarator") constants.set((node.id as Node).name, node.init);
    return true;
  });
  const titles = new Set<string>();
  walk(program, (node) => {
    if (node.type !== "CallExpression") return true;
    const called = calledTest(node.callee as Node);
    if (called === null) return true;
    if (!called.words.every((word) => RUNNING.has(word))) return false;
    const [title] = node.arguments as Node[];
    if (title !== undefined) addString(title, titles);
    for (const table of called.tables) addTable(table, constants, titles);
    return true;
  });
  return titles;
}

/** What a call of a test consists of, `test.each(table)` included; null for any other call. */
function calledTest(callee: Node): { words: string[]; tables: Node[] } | null {
  if (callee.type === "Identifier") {
    return TEST_NAMES.has(callee.name as string) ? { words: [], tables: [] } : null;
  }
  if (callee.type === "MemberExpression") {
    const called = calledTest(callee.object as Node);
    called?.words.push(String((callee.property as Node).name));
    return called;
  }
  if (callee.type !== "CallExpression") return null;
  const called = calledTest(callee.callee as Node);
  called?.tables.push(...(callee.arguments as Node[]));
  return called;
}

function addTable(
  table: Node,
  constants: ReadonlyMap<unknown, unknown>,
  titles: Set<string>,
): void {
  const node = table.type === "Identifier" ? (constants.get(table.name) as Node | null) : table;
  if (!node) return;
  if (node.type.startsWith("TS")) addTable(node.expression as Node, constants, titles);
  for (const row of (node.elements ?? []) as Node[]) {
    addString(row, titles);
    for (const cell of (row.elements ?? []) as Node[]) addString(cell, titles);
    for (const { value } of (row.properties ?? []) as { value?: Node }[]) {
      if (value) addString(value, titles);
    }
  }
}

function addString(node: Node, titles: Set<string>): void {
  if (node.type === "Literal" && typeof node.value === "string") titles.add(node.value);
}

/** Visits the tree; behind a node for which `visit` returns false nothing is looked at. */
function walk(value: unknown, visit: (node: Node) => boolean): void {
  if (Array.isArray(value)) {
    for (const each of value) walk(each, visit);
  } else if (typeof value === "object" && value !== null) {
    if ("type" in value && !visit(value as Node)) return;
    for (const child of Object.values(value)) walk(child, visit);
  }
}
