import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { root, workspacePackages } from './workspace.js';

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
    const links = [...read(path, 'README.md').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !/^(?:https:|#)/.test(link))).toEqual([]);
    expect(read(path, 'LICENSE')).toBe(read('LICENSE'));
  });
});
