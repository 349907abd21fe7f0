import { accessSync, constants, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { root } from './workspace.js';

// The workflows run only on GitHub. These tests find the mistakes that can be found without it.

type Permissions = Readonly<Record<string, string>>;

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly uses?: string;
  readonly permissions?: Permissions;
  readonly 'runs-on'?: string;
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly permissions?: Permissions;
  readonly jobs: Readonly<Record<string, Job>>;
}

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

function yamlFiles(folder: string): (readonly [string, unknown])[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.yml'))
    .map((name) => [name, parse(readFileSync(join(root, folder, name), 'utf8'))] as const);
}

/** The objection to a command: it must be an npm script, or a program of this repository. */
function wrongCommand(command: string): string | undefined {
  const [, script] = /^npm run ([\w:-]+)(?: -- .+)?$/.exec(command) ?? [];
  if (script !== undefined) return script in scripts ? undefined : `there is no npm script ${script}`;
  if (!/^\.ci\/[\w-]+$/.test(command)) return `${command} is neither an npm script nor a program in .ci`;
  try {
    accessSync(join(root, command), constants.X_OK);
    return undefined;
  } catch {
    return `${command} can't be run`;
  }
}

/** The objection to an action's version: its owner can change a branch or a major version at any time. */
function wrongAction(uses: string): string | undefined {
  if (uses.startsWith('./')) return undefined;
  return /^[\w-]+\/[\w-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})$/.test(uses) ? undefined : `${uses} is not pinned to a version`;
}

function problems({ permissions, jobs }: Workflow): string[] {
  const each = Object.values(jobs);
  const steps = each.flatMap((job) => job.steps ?? []);
  const uses = [...each, ...steps].flatMap((part) => part.uses ?? []);
  const granted = [permissions ?? { everything: 'write' }, ...each.map((job) => job.permissions ?? {})];
  return [
    ...steps.flatMap(({ run }) => (run === undefined ? [] : (wrongCommand(run) ?? []))),
    ...uses.flatMap((action) => wrongAction(action) ?? []),
    ...granted.flatMap((set) =>
      Object.entries(set)
        .filter(([name, access]) => access !== 'read' && !(name === 'id-token' && access === 'write'))
        .map(([name, access]) => `it asks for ${name}: ${access}`),
    ),
  ];
}

describe('the workflows', () => {
  const workflows = yamlFiles('.github/workflows') as (readonly [string, Workflow])[];

  test('are there', () => {
    expect(workflows.map(([name]) => name)).toEqual(['ci.yml', 'publish.yml']);
  });

  test.each(workflows)(
    '%s runs commands that there are, pinned actions, and with no more rights than it needs',
    (_, workflow) => {
      expect(problems(workflow)).toEqual([]);
    },
  );

  test('only publishing may sign', () => {
    const signing = workflows.flatMap(([name, { jobs }]) =>
      Object.entries(jobs)
        .filter(([, job]) => job.permissions?.['id-token'] === 'write')
        .map(([job]) => `${name} ${job}`),
    );
    expect(signing).toEqual(['publish.yml publish']);
  });

  test('would be found out if they were wrong', () => {
    const steps = [
      { run: 'npm run no-such-script' },
      { run: '.ci/no-such-program' },
      { run: 'curl example' },
      { uses: 'actions/checkout@v5' },
    ];
    expect(problems({ jobs: { a: { steps, permissions: { contents: 'write' } } } })).toEqual([
      'there is no npm script no-such-script',
      ".ci/no-such-program can't be run",
      'curl example is neither an npm script nor a program in .ci',
      'actions/checkout@v5 is not pinned to a version',
      'it asks for everything: write',
      'it asks for contents: write',
    ]);
  });
});

test.each(yamlFiles('.github/ISSUE_TEMPLATE').filter(([name]) => name !== 'config.yml'))(
  'the template %s is a form',
  (_, form) => {
    const { name, description, body } = form as {
      name: string;
      description: string;
      body: { type: string; id?: string }[];
    };
    expect([name, description].every((text) => text.length > 0)).toBe(true);
    const asked = body.filter(({ type }) => type !== 'markdown');
    expect(asked.length).toBeGreaterThan(0);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(asked.length);
  },
);

test('every npm script that a page for contributors or users names is there', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    '.github/pull_request_template.md',
    '.changeset/README.md',
  ];
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  const texts = [...pages, ...docs.map((name) => `docs/${name}`)].map((path) => readFileSync(join(root, path), 'utf8'));
  const named = new Set(
    texts.flatMap((text) => [...text.matchAll(/\bnpm run ([\w:-]*\w)/g)].map(([, name = '']) => name)),
  );
  expect(named.size).toBeGreaterThan(10);
  expect([...named].filter((name) => !(name in scripts))).toEqual([]);
});

test('.nvmrc names the oldest Node that the packages take, and CI runs that one', () => {
  const [major] = readFileSync(join(root, '.nvmrc'), 'utf8').trim().split('.');
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${major}`);
  expect(readFileSync(join(root, '.github', 'workflows', 'ci.yml'), 'utf8')).toContain(`container: node:${major}-`);
});
