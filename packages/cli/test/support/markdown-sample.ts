import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const root = join(__dirname, '..', '..', '..', '..');

/**
 * A fenced `ts` block of the documentation. `run`: it is executed, and what it prints is compared with the
 * comments beside it. `no-run`: it is type-checked, for code that only makes sense inside a larger program. `fragment`: it only has
 * to parse, for signatures.
 */
export interface Sample {
  /** For example `docs/errors.md:8`. */
  readonly where: string;
  readonly mode: 'run' | 'no-run' | 'fragment';
  readonly code: string;
}

const MODES: Readonly<Record<string, Sample['mode']>> = { '': 'run', 'no-run': 'no-run', fragment: 'fragment' };
const NOT_TYPESCRIPT = new Set(['', 'sh', 'bash', 'console', 'text', 'json', 'jsonl', 'yaml', 'http', 'diff']);

/** The first line of a recipe names its file. */
const RECIPE = /^\/\/ [\w-]+\.test\.m?js$/;

/** @throws Error for a fence whose language or mode is not known: a sample must not escape by a typing error. */
export function samplesOf(markdown: string, name: string): Sample[] {
  const samples: Sample[] = [];
  const lines = markdown.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const [, fence, info = ''] = /^\s*(```+)(.*)$/.exec(lines[at] ?? '') ?? [];
    if (fence === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
    if (end < 0) throw new Error(`${name}:${at + 1}: the fence is not closed`);
    const [language = '', ...rest] = info.trim().split(/\s+/);
    const mode = MODES[rest.join(' ')];
    const where = `${name}:${at + 1}`;
    if (language === 'ts') {
      if (mode === undefined) throw new Error(`${where}: unknown mode ${JSON.stringify(rest.join(' '))}`);
      samples.push({ where, mode, code: lines.slice(at + 1, end).join('\n') });
    } else if (language === 'js' && RECIPE.test(lines[at + 1] ?? '')) {
      // A file for a test runner: `.ci/recipes.mjs` runs it with that runner.
    } else if (!NOT_TYPESCRIPT.has(language)) {
      throw new Error(`${where}: write TypeScript samples as \`ts\`, not ${JSON.stringify(language)}`);
    }
    at = end;
  }
  return samples;
}

/** Every page that a user reads: the README, those of the packages, and docs/. */
export function documentationPages(): string[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name));
  const packages = ['packages', 'checks'].flatMap((room) =>
    readdirSync(join(root, room)).flatMap((name) =>
      readdirSync(join(root, room, name)).map((file) => join(room, name, file)),
    ),
  );
  return [...readdirSync(root), ...docs, ...packages].filter((path) => path.endsWith('.md')).sort();
}

export function documentationSamples(): Sample[] {
  return documentationPages().flatMap((path) => samplesOf(readFileSync(join(root, path), 'utf8'), relative('.', path)));
}
