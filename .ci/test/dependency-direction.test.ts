import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root, workspacePackages } from './workspace.js';

type Message = { ruleId: string | null; message: string };

/**
 * ESLint's verdicts on these texts, each as if it were its package's `index.ts`. ESLint runs in another process, because it loads its
 * configuration as ESM, which Jest can't do. Rules that need types are off: they would type-check the whole workspace first.
 */
function lint(sources: readonly { folder: string; text: string }[]): Message[][] {
  const script = `
    import { ESLint } from 'eslint';
    import tseslint from 'typescript-eslint';
    const overrideConfig = [{ files: ['**/*.ts'], ...tseslint.configs.disableTypeChecked }];
    const eslint = new ESLint({ overrideConfigFile: 'eslint.config.js', overrideConfig, allowInlineConfig: false });
    const verdicts = [];
    for (const { folder, text } of ${JSON.stringify(sources)}) {
      const [{ messages }] = await eslint.lintText(text, { filePath: 'packages/' + folder + '/src/index.ts' });
      verdicts.push(messages);
    }
    console.log(JSON.stringify(verdicts));`;
  const result = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(result.stderr).toBe('');
  return JSON.parse(result.stdout) as Message[][];
}

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
  const sources = imports.map(([folder, name]) => ({
    folder,
    text: `import * as other from '${name}';\nexport const used = other;\n`,
  }));

  const refused = lint(sources).map((messages) => messages.some(({ ruleId }) => ruleId === 'no-restricted-imports'));
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
