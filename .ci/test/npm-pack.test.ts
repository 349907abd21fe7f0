import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { root, workspacePackages, type Manifest } from './workspace.js';

const published = workspacePackages().filter(({ manifest }) => manifest.private !== true);
const read = (...path: readonly string[]) => readFileSync(join(root, ...path), 'utf8');
const ADDRESS = 'https://code.example/someone/holdfast';

let withAddress: ReadonlyMap<string, Packed>;
let withoutAddress: ReadonlyMap<string, Packed>;
beforeAll(() => {
  withAddress = packed(ADDRESS, published);
  withoutAddress = addressed();
});

describe.each(published)('what npm packs of $path', ({ path, manifest }) => {
  test('asks for nothing that only this workspace has', () => {
    const { dependencies, peerDependencies, optionalDependencies } = manifest;
    const wanted = { ...dependencies, ...peerDependencies, ...optionalDependencies } as Record<string, string>;
    expect(Object.entries(wanted).filter(([, range]) => range.includes(':'))).toEqual([]);
    const own = Object.entries(wanted).filter(([name]) => name.startsWith('@holdfast/'));
    expect(own.filter(([, range]) => range !== `^${String(manifest.version)}`)).toEqual([]);
  });

  test('has a README whose links resolve within it or are absolute, and the licence', () => {
    expect(linksOf(withoutAddress.get(path)!.readme).filter((link) => !/^(?:https:|#)/.test(link))).toEqual([]);
    expect(read(path, 'LICENSE')).toBe(read('LICENSE'));
  });

  test('has no repository without an address, and all links into it with one, as `npm pack` makes them', () => {
    expect(Object.keys(withoutAddress.get(path)!.manifest)).not.toContain('repository');

    const { manifest: made, readme } = withAddress.get(path)!;
    expect(made).toMatchObject({
      name: manifest.name,
      license: manifest.license,
      homepage: `${ADDRESS}/tree/HEAD/${path}#readme`,
      bugs: `${ADDRESS}/issues`,
      repository: { type: 'git', url: `git+${ADDRESS}.git`, directory: path },
    });
    const links = linksOf(readme).filter((link) => link.startsWith(ADDRESS));
    expect(links).toContain(`${ADDRESS}/blob/HEAD/docs/README.md`);
    for (const link of links)
      expect(existsSync(join(root, new URL(link).pathname.split('/blob/HEAD/')[1]!))).toBe(true);
    expect(linksOf(readme).filter((link) => !/^(?:https:|#)/.test(link))).toEqual([]);
  });
});

test('`npm pack` makes the same where there is no address', () => {
  const [one] = published;
  expect(packed('', [one!]).get(one!.path)).toEqual(withoutAddress.get(one!.path));
});

test('an address that is none is refused', () => {
  expect(() => packed('github:someone/holdfast', published.slice(0, 1))).toThrow('https://HOST/OWNER/NAME');
});

function linksOf(readme: string): string[] {
  return [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
}

interface Packed {
  readonly manifest: Manifest;
  readonly readme: string;
}

/** What `npm pack` puts into a package where the repository has no address, for all of them in one process: npm takes most of a second each. */
function addressed(): Map<string, Packed> {
  const script = `
    import { addressedManifest, addressedReadme } from ${JSON.stringify(join(root, '.ci', 'address.mjs'))};
    const texts = ${JSON.stringify(published.map(({ path }) => [path, read(path, 'package.json'), read(path, 'README.md')]))};
    const made = texts.map(([path, manifest, readme]) => [
      path,
      { manifest: JSON.parse(addressedManifest(manifest, path)), readme: addressedReadme(readme, path) },
    ]);
    console.log(JSON.stringify(made));`;
  const made = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  return new Map(JSON.parse(made) as [string, Packed][]);
}

/** Has npm pack packages in a copy of the repository's parts that matter. The copy stays as it was. */
function packed(address: string, packages: typeof published): Map<string, Packed> {
  const copy = mkdtempSync(join(tmpdir(), 'holdfast-npm-pack-'));
  try {
    mkdirSync(join(copy, '.ci'));
    cpSync(join(root, '.ci', 'address.mjs'), join(copy, '.ci', 'address.mjs'));
    writeFileSync(join(copy, '.ci', 'repository.json'), JSON.stringify({ address }));
    // Building is not the matter here.
    for (const name of ['bootstrap.mjs', 'build.mjs']) writeFileSync(join(copy, '.ci', name), '');
    for (const { path } of packages) {
      mkdirSync(join(copy, path), { recursive: true });
      for (const name of COPIED) cpSync(join(root, path, name), join(copy, path, name));
    }
    const folders = packages.map(({ path }) => `./${path}`);
    const options = { cwd: copy, encoding: 'utf8', stdio: 'pipe' } as const;
    execFileSync('npm', ['pack', '--silent', '--pack-destination', copy, ...folders], options);
    return new Map(packages.map(({ path, manifest }) => [path, unpack(copy, path, manifest)]));
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
