// `npm run release:version`: turns the changesets into a version for all packages, and into a section of CHANGELOG.md.
// Changesets itself would write a changelog for each package. All packages are released together, so one changelog says more.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { root } from './pnpm.mjs';

/** Where the manifests, `.changeset` and CHANGELOG.md are: this workspace, or in a test a copy of them. */
const workspace = process.argv[2] ?? root;
const headings = { major: 'Major changes', minor: 'Minor changes', patch: 'Patch changes' };

function changeset(...args) {
  const bin = join(root, 'node_modules', '@changesets', 'cli', 'bin.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { cwd: workspace, encoding: 'utf8' });
  if (status === 0) return;
  console.error(`changeset ${args.join(' ')} failed:\n${stdout}${stderr}`);
  process.exit(1);
}

/** The changesets, and the version that follows from them. */
function plan() {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-version-'));
  try {
    const file = join(work, 'status.json');
    changeset('status', `--output=${relative(workspace, file)}`);
    const { changesets, releases } = JSON.parse(readFileSync(file, 'utf8'));
    return { changesets, version: releases.find(({ type }) => type !== 'none')?.newVersion };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The changelog's section. Each changeset appears once, under the largest change that it makes. */
function sectionOf({ changesets, version }) {
  const lines = [`## ${version} (${new Date().toISOString().slice(0, 10)})`, ''];
  for (const [size, heading] of Object.entries(headings)) {
    const entries = changesets.filter(({ releases }) => largest(releases) === size).map(entryOf);
    if (entries.length > 0) lines.push(`### ${heading}`, '', ...entries, '');
  }
  return lines.join('\n');
}

const largest = (releases) => Object.keys(headings).find((size) => releases.some(({ type }) => type === size));

function entryOf({ releases, summary }) {
  const names = releases.map(({ name }) => `\`${name}\``).join(', ');
  return `- ${names}: ${summary.trim().replaceAll(/\n(?=.)/g, '\n  ')}`;
}

const planned = plan();
if (planned.version === undefined) {
  console.error('There is no changeset, so there is nothing to release: npm run changeset');
  process.exit(1);
}
changeset('version');
const path = join(workspace, 'CHANGELOG.md');
const changelog = readFileSync(path, 'utf8');
const first = changelog.indexOf('\n## ') + 1;
writeFileSync(path, `${changelog.slice(0, first)}${sectionOf(planned)}\n${changelog.slice(first)}`);
console.log(`All packages are ${planned.version} now; read CHANGELOG.md over, and commit.`);
