import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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

  test('has no repository without an address, and all links into it with one, as `npm pack` in its folder makes them', () => {
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

/** What the tarball of a package has, packed by npm in a copy of the repository's parts that matter, with this address. The copy stays as it was. */
function unpacked(path: string, address: string): { manifest: Manifest; readme: string } {
  const copy = mkdtempSync(join(tmpdir(), 'holdfast-npm-pack-'));
  try {
    mkdirSync(join(copy, '.ci'));
    mkdirSync(join(copy, path), { recursive: true });
    cpSync(join(root, '.ci', 'address.mjs'), join(copy, '.ci', 'address.mjs'));
    writeFileSync(join(copy, '.ci', 'repository.json'), JSON.stringify({ address }));
    // Building is not the matter here.
    for (const name of ['bootstrap.mjs', 'build.mjs']) writeFileSync(join(copy, '.ci', name), '');
    for (const name of ['package.json', 'README.md', 'LICENSE']) cpSync(join(root, path, name), join(copy, path, name));
    const options = { cwd: join(copy, path), encoding: 'utf8', stdio: 'pipe' } as const;
    execFileSync('npm', ['pack', '--silent', '--pack-destination', copy], options);
    const tarball = readdirSync(copy).find((name) => name.endsWith('.tgz'))!;
    execFileSync('tar', ['-xzf', tarball], { cwd: copy });
    for (const name of ['package.json', 'README.md'])
      expect(readFileSync(join(copy, path, name), 'utf8')).toBe(read(path, name));
    return {
      manifest: JSON.parse(readFileSync(join(copy, 'package', 'package.json'), 'utf8')) as Manifest,
      readme: readFileSync(join(copy, 'package', 'README.md'), 'utf8'),
    };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
