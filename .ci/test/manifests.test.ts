import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readManifest, root, workspacePackages, type Manifest } from './workspace.js';

function dependencyNames(manifest: Manifest): string[] {
  const { dependencies, devDependencies, peerDependencies, optionalDependencies } = manifest;
  return Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies, ...optionalDependencies });
}

/** The dependencies that a document does not name in backquotes. */
function unnamed(document: string, manifests: readonly Manifest[]): string[] {
  const workspace = new Set(manifests.map(({ name }) => name));
  const names = new Set(manifests.flatMap(dependencyNames).filter((name) => !workspace.has(name)));
  return [...names].filter((name) => !document.includes(`\`${name}\``)).sort();
}

const packages = workspacePackages();
const examples = readdirSync(join(root, 'examples')).map((name) => readManifest(join('examples', name)));
const manifests = [readManifest('.'), ...packages.map(({ manifest }) => manifest), ...examples];
const document = readFileSync(join(root, 'docs', 'dependencies.md'), 'utf8');

describe('docs/dependencies.md', () => {
  test('names every dependency of every manifest', () => {
    expect(unnamed(document, manifests)).toEqual([]);
  });

  test('would be found out if it left one out', () => {
    expect(unnamed(document.replaceAll('`lru-cache`', ''), manifests)).toEqual(['lru-cache']);
  });
});

describe('the manifests', () => {
  test('agree on version, licence and Node', () => {
    const [first] = packages;
    for (const { manifest } of packages) {
      expect(manifest).toMatchObject({
        version: first!.manifest.version,
        license: 'Apache-2.0',
        engines: { node: '>=20' },
      });
    }
  });

  test('of the examples are private', () => {
    expect(examples.filter((manifest) => manifest.private !== true)).toEqual([]);
  });

  test('of the adapter asks for a grpc-js that etcd3 takes too, so that both share one copy', () => {
    const adapter = createRequire(join(root, 'packages', 'etcd-v3', 'package.json'));
    const etcd3 = createRequire(adapter.resolve('etcd3'));
    expect(adapter.resolve('@grpc/grpc-js')).toBe(etcd3.resolve('@grpc/grpc-js'));
  });
});

test('every package with sources is built in both forms, and none without sources is published', () => {
  const { references } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as {
    references: { path: string }[];
  };
  const built = references.map(({ path }) => path).sort();
  const expected = packages
    .filter(({ hasSources }) => hasSources)
    .flatMap(({ path }) => ['cjs', 'esm'].map((form) => `${path}/tsconfig.${form}.json`));
  expect(built).toEqual(expected.sort());
  expect(packages.filter(({ hasSources, manifest }) => !hasSources && manifest.private !== true)).toEqual([]);
});
