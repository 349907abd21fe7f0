import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { faults } from './support/faults-of-style.js';
import { verdicts } from './support/linter.js';
import { root, workspacePackages } from './workspace.js';

interface Settings {
  readonly overrides: readonly { readonly rules: Readonly<Record<string, unknown>> }[];
}

const readJson = (path: string) =>
  ts.readConfigFile(join(root, path), (file) => readFileSync(file, 'utf8')).config as unknown;
const { overrides } = readJson('.oxlintrc.json') as Settings;
const rules = new Set(overrides.flatMap(({ rules }) => Object.keys(rules)));

test('the linter finds a breach of every rule that its configuration names', () => {
  const broken = Object.entries({ ...faults, ...faultsOfTests });
  expect(broken.map(([rule]) => rule).sort()).toEqual([...rules].sort());

  const sources = broken.map(([rule, text], index) => ({
    path: `packages/core/${rule in faultsOfTests ? 'test' : 'src'}/fault-${index}.ts`,
    text: `${text}\n`,
  }));
  const found = verdicts(sources);
  expect(broken.filter(([rule], index) => !found[index]!.includes(rule))).toEqual([]);
});

/** Rules of tests only. */
const faultsOfTests: Readonly<Record<string, string>> = {
  'holdfast/every-test-runs': "declare const test: { skip(name: string): void };\ntest.skip('a');\nexport {};",
};

test('tests that do not run, and exceptions that nothing needs any more, are found', () => {
  const kinds = ['skip', 'only', 'todo', 'concurrent'];
  const calls = kinds.map((name, index) => ({
    path: `packages/core/test/a-${index}.ts`,
    text: `declare const test: { ${name}(name: string): void };\ntest.${name}('a');\nexport {};\n`,
  }));
  const text = '// oxlint-disable-next-line eqeqeq -- Once there was a comparison.\nexport const a = 1;\n';
  expect(verdicts([...calls, { path: 'packages/core/src/a.ts', text }])).toEqual([
    ...kinds.map(() => ['holdfast/every-test-runs']),
    [expect.stringContaining('Unused')],
  ]);
});

// The linter would look at a source outside of all projects with other types than those that it has.
test('every source is in the project that the compiler checks, and in that beside it, where the linter and editors look', () => {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} };
  const filesOf = (path: string) => ts.getParsedCommandLineOfConfigFile(join(root, path), {}, host)?.fileNames ?? [];
  const examples = readdirSync(join(root, 'examples')).map((name) => `examples/${name}`);
  const folders = ['.ci', 'bench', ...examples, ...workspacePackages().map(({ path }) => path)];

  const everywhere = ['**/node_modules', '**/dist', '**/coverage', '.cache', '.git'];
  const sources = ['.', '.ci'].flatMap((folder) => ts.sys.readDirectory(join(root, folder), ['.ts'], everywhere));
  expect(sources.length).toBeGreaterThan(1_000);
  for (const projects of [['.ci/tsconfig.check.json'], folders.map((folder) => `${folder}/tsconfig.json`)]) {
    const found = new Set(projects.flatMap(filesOf));
    expect(sources.filter((file) => !found.has(file))).toEqual([]);
  }
});
