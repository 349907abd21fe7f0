import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { verdicts } from './support/linter.js';
import { root, workspacePackages } from './workspace.js';

test('the linter refuses every import against the dependency direction, and no import along it', () => {
  const against = [
    ['store', '@holdfast/memory'],
    ['core', '@holdfast/etcd-v3'],
    ['core', '@holdfast/memory'],
    ['memory', '@holdfast/core'],
    ['etcd-v3', '@holdfast/memory'],
    ['etcd-v3', '@holdfast/core/yaml'],
    ['testkit', '@holdfast/core'],
    ['core', 'holdfast'],
    ['core', '../../memory/src/index.js'],
  ] as const;
  const along = [
    ['core', '@holdfast/store'],
    ['core', '@holdfast/store/adapter'],
    ['etcd-v3', '@holdfast/store'],
    ['cli', '@holdfast/core'],
  ] as const;
  const imports = [...against, ...along];
  const sources = imports.map(([folder, name], index) => ({
    path: `packages/${folder}/src/import-${index}.ts`,
    text: `import * as other from '${name}';\nexport const used = other;\n`,
  }));

  const refused = verdicts(sources).map((rules) => rules.includes('holdfast/dependency-direction'));
  expect(imports.filter((_, index) => refused[index])).toEqual(against);
});

const direction = JSON.parse(readFileSync(join(root, '.ci', 'dependency-direction.json'), 'utf8')) as Record<
  string,
  string[]
>;

test.each(workspacePackages().map(({ folder, manifest }) => [folder, manifest] as const))(
  'the manifest of %s names only workspace packages below it',
  (folder, manifest) => {
    const named = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const workspace = named.filter((name) => name === 'holdfast' || name.startsWith('@holdfast/'));
    expect(direction[folder]).toEqual(expect.arrayContaining(workspace));
  },
);
