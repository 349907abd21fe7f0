import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';

const page = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'migrating-from-etcd3.md'), 'utf8');
const folder = dirname(require.resolve('etcd3'));

/** Behind the classes that a service uses: connections, and the classes that requests and events go through. */
const INTERNAL = ['connection-pool.d.ts', 'rpc.d.ts', 'util.d.ts', 'errors.d.ts', 'range.d.ts', 'options.d.ts'];

/** The public methods of the classes of etcd3, as its declarations have them. */
function publicMethods(): string[] {
  const declarations = readdirSync(folder).filter((name) => name.endsWith('.d.ts') && !INTERNAL.includes(name));
  const methods = declarations.flatMap((name) => {
    const classes = readFileSync(join(folder, name), 'utf8').split(/^export declare (?:abstract )?class /m);
    return classes
      .slice(1)
      .filter((text) => !text.startsWith('WatchManager'))
      .flatMap((text) => [...text.matchAll(/^ {4}(?:get )?(\w+)(?:<[^(]*>)?\(/gm)].map(([, method]) => method!));
  });
  return [...new Set(methods)].filter((method) => !['constructor', 'on', 'mapOperations'].includes(method));
}

/** Those that no first cell of a table names as code. */
function unnamed(text: string): string[] {
  const cells = [...text.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell]) => cell!);
  const code = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, inside]) => inside)).join('\n');
  return publicMethods().filter((method) => !new RegExp(`\\b${method}\\b`).test(code));
}

test('the guide for users of etcd3 names every public method of it', () => {
  expect(publicMethods().length).toBeGreaterThan(60);
  expect(unnamed(page)).toEqual([]);
});

test('the check would find one that is left out', () => {
  expect(unnamed(page.replaceAll('proclaim', ''))).toEqual(['proclaim']);
});
