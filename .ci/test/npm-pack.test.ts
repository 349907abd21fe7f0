import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { root, workspacePackages, type Manifest } from './workspace.js';

const published = workspacePackages().filter(({ manifest }) => manifest.private !== true);
const read = (...path: readonly string[]) => readFileSync(join(root, ...path), 'utf8');

describe.each(published)('what npm packs of $path', ({ path, manifest }) => {
  test('asks for nothing that only this workspace has', () => {
    const { dependencies, peerDependencies, optionalDependencies } = manifest;
    const wanted = { ...dependencies, ...peerDependencies, ...optionalDependencies } as Record<string, string>;
    expect(Object.entries(wanted).filter(([, range]) => range.includes(':'))).toEqual([]);
    const own = Object.entries(wanted).filter(([name]) => name.startsWith('@holdfast/'));
    expect(own.filter(([, range]) => range !== `^${String(manifest.version)}`)).toEqual([]);
  });

  test('has a README whose links resolve within it or are absolute, and the licence', () => {
    expect(linksOf(unpacked(path, '').readme).filter((link) => !/^(?:https:|#)/.test(link))).toEqual([]);
    expect(read(path, 'LICENSE')).toBe(read('LICENSE'));
  });

  test('has no repository without an address, and all links into it with one, as `npm pack` makes them', () => {
    expect(Object.keys(unpacked(path, '').manifest)).not.toContain('repository');

    const address = 'https://code.example/someone/holdfast';
    const packed = unpacked(path, address);
    expect(packed.manifest).toMatchObject({
      name: manifest.name,
      license: manifest.license,
      homepage: `${address}/tree/HEAD/${path}#readme`,
      bugs: `${address}/issues`,
      repository: { type: 'git', url: `git+${address}.git`, directory: path },
    });
    const links = linksOf(packed.readme).filter((link) => link.startsWith(address));
    expect(links).toContain(`${address}/blob/HEAD/docs/README.md`);
    for (const link of links)
      expect(existsSync(join(root, new URL(link).pathname.split('/blob/HEAD/')[1]!))).toBe(true);
    expect(linksOf(packed.readme).filter((link) => !/^(?:https:|#)/.test(link))).toEqual([]);
  });
});

test('an address that is none is refused', () => {
  expect(() => unpacked('packages/store', 'github:someone/holdfast')).toThrow('https://HOST/OWNER/NAME');
});

function linksOf(readme: string): string[] {
  return [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
}

interface Packed {
  readonly manifest: Manifest;
  readonly readme: string;
}

const packedAt = new Map<string, Map<string, Packed>>();

/** What the tarball of a package has where the repository is at this address, or at none. */
function unpacked(path: string, address: string): Packed {
  let all = packedAt.get(address);
  if (all === undefined) packedAt.set(address, (all = packAll(address)));
  return all.get(path)!;
}

/** Has npm pack all packages in a copy of the repository's parts that matter. The copy stays as it was. */
function packAll(address: string): Map<string, Packed> {
  const copy = mkdtempSync(join(tmpdir(), 'holdfast-npm-pack-'));
  try {
    mkdirSync(join(copy, '.ci'));
    cpSync(join(root, '.ci', 'address.mjs'), join(copy, '.ci', 'address.mjs'));
    writeFileSync(join(copy, '.ci', 'repository.json'), JSON.stringify({ address }));
    // Building is not the matter here.
    for (const name of ['bootstrap.mjs', 'build.mjs']) writeFileSync(join(copy, '.ci', name), '');
    for (const { path } of published) {
      mkdirSync(join(copy, path), { recursive: true });
      for (const name of COPIED) cpSync(join(root, path, name), join(copy, path, name));
    }
    const folders = published.map(({ path }) => `./${path}`);
    const options = { cwd: copy, encoding: 'utf8', stdio: 'pipe' } as const;
    execFileSync('npm', ['pack', '--silent', '--pack-destination', copy, ...folders], options);
    return new Map(published.map(({ path, manifest }) => [path, unpack(copy, path, manifest)]));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

const COPIED = ['package.json', 'README.md', 'LICENSE'];

function unpack(copy: string, path: string, { name, version }: Manifest): Packed {
  const tarball = `${String(name).replace('@', '').replace('/', '-')}-${String(version)}.tgz`;
  const folder = join(copy, `unpacked-${path.replace('/', '-')}`);
  mkdirSync(folder);
  execFileSync('tar', ['-xzf', join(copy, tarball)], { cwd: folder });
  for (const file of COPIED) expect(readFileSync(join(copy, path, file), 'utf8')).toBe(read(path, file));
  return {
    manifest: JSON.parse(readFileSync(join(folder, 'package', 'package.json'), 'utf8')) as Manifest,
    readme: readFileSync(join(folder, 'package', 'README.md'), 'utf8'),
  };
}
