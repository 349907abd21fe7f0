import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../workspace.js';
import { publishedPackages } from './published-types.js';

/** What an editor shows when a user points at a public name. */
export interface HoverText {
  /** `@holdfast/core: Mirror.sync` */
  readonly name: string;
  readonly text: string;
  /** Of a function or a method: an editor shows them beside the text. */
  readonly parameters: readonly string[];
}

/** Source of an entry: `@holdfast/core/yaml` is in values/yaml.ts. */
const ENTRY_FILES: Readonly<Record<string, string>> = {
  '@holdfast/core/file-snapshot': 'snapshot/file/index.ts',
  '@holdfast/core/yaml': 'values/yaml.ts',
  '@holdfast/store/adapter': 'adapter.ts',
  '@holdfast/files/format': 'folder-format.ts',
  '@holdfast/testkit/jest': 'jest.ts',
  '@holdfast/testkit/vitest': 'vitest.ts',
  '@holdfast/testkit/node-test': 'node-test.ts',
};

/** The texts of every export of the published packages and of its members, and the names of all of these. */
export function hoverTexts(program: ts.Program): { texts: readonly HoverText[]; names: ReadonlySet<string> } {
  const reader = new Reader(program.getTypeChecker());
  for (const { path, entries } of publishedPackages) {
    for (const entry of entries) {
      reader.readModule(entry, program.getSourceFile(join(root, path, 'src', ENTRY_FILES[entry] ?? 'index.ts'))!);
    }
  }
  return reader;
}

class Reader {
  readonly texts: HoverText[] = [];
  readonly names = new Set<string>();
  readonly #checker: ts.TypeChecker;
  readonly #seen = new Set<ts.Node>();

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker;
  }

  readModule(entry: string, file: ts.SourceFile): void {
    for (const exported of this.#checker.getExportsOfModule(this.#checker.getSymbolAtLocation(file)!)) {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? this.#checker.getAliasedSymbol(exported) : exported;
      this.names.add(exported.name);
      for (const declaration of symbol.declarations ?? []) this.#read(declaration, `${entry}: ${exported.name}`);
    }
  }

  #read(node: ts.Node, name: string): void {
    if (this.#seen.has(node) || !node.getSourceFile().fileName.startsWith(join(root, 'packages'))) return;
    this.#seen.add(node);
    const docs = ts.getJSDocCommentsAndTags(ts.isVariableDeclaration(node) ? node.parent.parent : node);
    if (ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal')) return;
    const text = docs.map((doc) => doc.getText()).join('\n');
    if (text !== '') this.texts.push({ name, text, parameters: parametersOf(node) });
    ts.forEachChild(node, (child) => this.#readMembers(child, name));
  }

  /** Members stand in classes, interfaces and in the types that these are made of. The bodies of functions have none. */
  #readMembers(node: ts.Node, name: string): void {
    if (ts.isBlock(node)) return;
    if (ts.isClassElement(node) || ts.isTypeElement(node) || ts.isParameter(node)) {
      const own = node.name === undefined ? 'constructor' : node.name.getText();
      const isPrivate = own.startsWith('#') || (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0;
      if (isPrivate) return;
      if (!ts.isParameter(node)) this.names.add(own);
      this.#read(node, `${name}.${own}`);
      return;
    }
    ts.forEachChild(node, (child) => this.#readMembers(child, name));
  }
}

function parametersOf(node: ts.Node): string[] {
  return ts.isFunctionLike(node) ? node.parameters.map((parameter) => parameter.name.getText()) : [];
}

/** A number of a promise without the page that has it. */
export function bareNumbers({ name, text }: HoverText): string[] {
  if (/docs\/(?:contract|mirror)\.md/.test(text)) return [];
  return [...text.matchAll(/\b[MC]\d+\b/g)].map(([id]) => `${name}: ${id}`);
}

/** The names that a text links, writes as code, or writes like a class, and that no user can import or find on a public type. */
export function unknownNames({ name, text, parameters }: HoverText, names: ReadonlySet<string>): string[] {
  const links = [...text.matchAll(/\{@link\s+([\w$.]+)/g)].flatMap(([, link = '']) => link.split('.'));
  const code = [...text.matchAll(/`(?:new )?([A-Za-z_$][\w$]*)(?:[.(<[][^`]*)?`/g)].map(([, first = '']) => first);
  const prose = text.replaceAll(/`[^`]*`|\{[^}]*\}|https?:\S+/g, '').match(/\b(?:[A-Z][a-z]+){2,}\b/g) ?? [];
  const ours = [...links, ...code.filter((each) => /[a-z][A-Z]/.test(each)), ...prose];
  return (
    ours
      .filter((each) => !names.has(each) && !parameters.includes(each) && !(each in globalThis) && !KNOWN.has(each))
      // What comes from elsewhere is named with its module.
      .filter(() => !/\bof `node:/.test(text))
      .map((each) => `${name}: ${each}`)
  );
}

/** Names that readers know without us: of etcd, of JavaScript and its tools, of the network. */
const KNOWN = new Set([
  ...['JavaScript', 'TypeScript', 'OpenSSL', 'GitHub', 'StateLeader', 'StateFollower', 'MemberList', 'OpenTelemetry'],
  ...['passwordFile', 'toClient', 'toServer'],
  // Misspelt on purpose.
  'ifAbsnt',
]);
