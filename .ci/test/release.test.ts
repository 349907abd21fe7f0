import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Manifest, root, workspacePackages } from './workspace.js';

/** A repository with only the manifests, the changesets and the changelog of this one. */
let copy: string;
const packages = workspacePackages();

function run(command: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: copy, encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

const releaseVersion = () => run(process.execPath, join(root, '.ci', 'release-version.mjs'), copy);
const read = (path: string) => readFileSync(join(copy, path), 'utf8');

function addChangeset(name: string, text: string): void {
  writeFileSync(join(copy, '.changeset', `${name}.md`), text);
}

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'holdfast-release-'));
  const files = ['package.json', 'pnpm-workspace.yaml', 'CHANGELOG.md', '.changeset/config.json', 'bench/package.json'];
  for (const path of [...files, ...packages.map(({ path }) => `${path}/package.json`)]) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(root, path), join(copy, path));
  }
  run('git', 'init', '--quiet', '--initial-branch=main');
  run('git', 'add', '.');
  run('git', '-c', 'user.name=Test', '-c', 'user.email=test@localhost', 'commit', '--quiet', '--message', 'Begin');
});

afterAll(() => {
  rmSync(copy, { recursive: true, force: true });
});

test('each changeset names packages that are published, and says something', () => {
  const published = new Set(
    packages.filter(({ manifest }) => manifest.private !== true).map(({ manifest }) => manifest.name),
  );
  const changesets = readdirSync(join(root, '.changeset')).filter(
    (name) => name.endsWith('.md') && name !== 'README.md',
  );
  const wrong = changesets.filter((name) => {
    const text = readFileSync(join(root, '.changeset', name), 'utf8');
    const [, front = '', summary = ''] = /^---\n([^]*?)\n?---\n([^]*)$/.exec(text) ?? [];
    const lines = front.split('\n').map((line) => /^['"]([^'"]+)['"]: (?:major|minor|patch)$/.exec(line)?.[1]);
    return !lines.every((line) => line !== undefined && published.has(line)) || summary.trim() === '';
  });
  expect(wrong).toEqual([]);
});

test('a release of nothing is refused, with what to run', () => {
  writeFileSync(join(copy, 'packages', 'core', 'package.json'), `${read('packages/core/package.json')}\n`);
  const { status, said } = releaseVersion();
  expect(status).toBe(1);
  expect(said).toContain('changeset');
});

test('a release gives all packages one version, and the changelog what the changesets say', () => {
  addChangeset('one', '---\n"@holdfast/etcd-v3": minor\n"@holdfast/core": patch\n---\n\nA new option.\n');
  addChangeset('two', '---\n"@holdfast/memory": patch\n---\n\nA mended fault.\n\nIts second paragraph.\n');
  const changelog = read('CHANGELOG.md');
  const { said, status } = releaseVersion();
  expect(said).toContain('All packages are 0.2.0 now');
  expect(status).toBe(0);

  const versions = packages.map(({ path }) => (JSON.parse(read(`${path}/package.json`)) as Manifest).version);
  expect(new Set(versions)).toEqual(new Set(['0.2.0']));
  const core = JSON.parse(read('packages/core/package.json')) as Manifest;
  expect(core.dependencies).toMatchObject({ '@holdfast/store': '^0.2.0' });
  const section = [
    `## 0.2.0 (${new Date().toISOString().slice(0, 10)})`,
    '### Minor changes',
    '- `@holdfast/etcd-v3`, `@holdfast/core`: A new option.',
    '### Patch changes',
    '- `@holdfast/memory`: A mended fault.\n\n  Its second paragraph.',
  ].join('\n\n');
  const begin = changelog.indexOf('\n## ') + 1;
  expect(read('CHANGELOG.md')).toBe(`${changelog.slice(0, begin)}${section}\n\n${changelog.slice(begin)}`);
});
