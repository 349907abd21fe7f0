// Builds every package that the root tsconfig.json references: ESM to dist/esm, CommonJS to dist/cjs, types for both. Given projects, such as
// `packages/cli/tsconfig.esm.json`, it builds those and their dependencies. It names each project that it builds, and no unchanged one.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './pnpm.mjs';

const tsc = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
const projects = process.argv.slice(2);

/** A line of `tsc --build --verbose` about a project, beginning with the time. Every other line is an error in the sources. */
const remark = /^\d+:\d+:\d+\s[AP]M - (?:Building project '(.+)')?|^ {4}\* |^$/;

function build() {
  const args = [tsc, '--build', '--verbose', '--pretty', 'false', ...(projects.length === 0 ? [root] : projects)];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [remarked, project] = remark.exec(line) ?? [];
    if (project !== undefined) console.log(`  building ${described(project)}`);
    else if (remarked === undefined) console.log(line);
  });
  return new Promise((resolve) => child.on('close', (status) => resolve(status ?? 1)));
}

/** `packages/core (ESM)` */
function described(project) {
  const form = project.endsWith('tsconfig.cjs.json')
    ? ' (CommonJS)'
    : project.endsWith('tsconfig.esm.json')
      ? ' (ESM)'
      : '';
  return `${relative(root, dirname(project))}${form}`;
}

const status = await build();
if (status !== 0) process.exit(status);

// The packages say `"type": "module"`; this marker makes Node and TypeScript read dist/cjs as CommonJS.
const { references } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
for (const { path } of references) {
  const folder = join(root, dirname(path), 'dist', 'cjs');
  if (path.endsWith('tsconfig.cjs.json') && existsSync(folder)) {
    writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  }
}
