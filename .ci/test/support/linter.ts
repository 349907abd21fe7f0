import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../workspace.js';

/** A source and where in the repository it would be: `packages/core/src/a.ts`. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** What the linter needs of the repository. */
const SETTINGS = [
  'package.json',
  '.oxlintrc.json',
  '.ci/lint-rules.mjs',
  '.ci/pnpm.mjs',
  '.ci/dependency-direction.json',
  '.ci/tsconfig.base.json',
  '.ci/tsconfig.check.json',
];

/** The rules that each of these sources breaks, or what else is wrong with it. The linter sees them in a copy of the repository's settings, at their places. */
export function verdicts(sources: readonly Source[]): string[][] {
  const copy = mkdtempSync(join(tmpdir(), 'holdfast-lint-'));
  try {
    for (const name of SETTINGS) write(copy, { path: name, text: readFileSync(join(root, name), 'utf8') });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    for (const folder of new Set(sources.map(({ path }) => path.replace(/\/(?:src|test)\/.*/, '')))) {
      mkdirSync(join(copy, folder), { recursive: true });
      cpSync(join(root, folder, 'tsconfig.json'), join(copy, folder, 'tsconfig.json'));
    }
    for (const source of sources) write(copy, source);
    const found = lint(copy);
    return sources.map(({ path }) =>
      found
        .filter(({ filename }) => filename === path)
        .map(({ code, message }) => (code === undefined ? message : nameOf(code))),
    );
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function write(folder: string, { path, text }: Source): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

interface Diagnostic {
  /** None of an exception that nothing needs. */
  readonly code?: string;
  readonly message: string;
  readonly filename: string;
}

function lint(folder: string): readonly Diagnostic[] {
  const args = [join(root, 'node_modules', 'oxlint', 'bin', 'oxlint'), '--format', 'json', 'packages'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1e8 });
  try {
    return (JSON.parse(stdout) as { diagnostics: readonly Diagnostic[] }).diagnostics;
  } catch {
    throw new Error(`the linter did not run: ${stdout}${stderr}`);
  }
}

/** `eslint(eqeqeq)` as the configuration has it, `eqeqeq`. */
function nameOf(code: string): string {
  const [, plugin, rule] = /^(.+)\((.+)\)$/.exec(code) ?? [];
  return plugin === undefined || plugin === 'eslint' ? (rule ?? code) : `${plugin}/${rule}`;
}
