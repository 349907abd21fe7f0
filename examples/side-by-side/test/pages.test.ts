import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const load = createRequire(__filename);
const page = (name: string) => readFileSync(join(__dirname, '..', '..', '..', 'docs', `${name}.md`), 'utf8');

/** The part of a page below one of its headings, up to the next one of the same level. */
function section(text: string, heading: string): string {
  const [, after] = text.split(`\n## ${heading}\n`);
  if (after === undefined) throw new Error(`no section ${heading}`);
  return after.split('\n## ')[0]!;
}

/** The names that no first cell of a table has as code. */
function unnamed(text: string, names: readonly string[]): string[] {
  const cells = [...text.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell]) => cell!);
  const code = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, inside]) => inside)).join('\n');
  return names.filter((name) => !new RegExp(`\\b${name}\\b`).test(code));
}

/** What a class of JavaScript has for its users: its methods, and the fields of an instance, without those that begin with `_`. */
function members(constructor: { readonly prototype: object }, instance: object = {}): string[] {
  const names = [...Object.getOwnPropertyNames(constructor.prototype), ...Object.keys(instance)];
  return [...new Set(names)].filter((name) => name !== 'constructor' && !name.startsWith('_'));
}

type Class = { readonly prototype: object };

/** The names in the documentation of `lua-resty-etcd`, which no registry of ours has. */
const lua = JSON.parse(readFileSync(join(__dirname, 'lua-resty-etcd.json'), 'utf8')) as Readonly<
  Record<'new' | 'v3' | 'options' | 'v2' | 'health', readonly string[]>
>;

describe('the guide for users of node-etcd', () => {
  const text = page('migrating-from-node-etcd');
  const methods = members(load('node-etcd') as Class);

  test('names every method of its client', () => {
    expect(methods.length).toBeGreaterThan(25);
    expect(unnamed(text, methods)).toEqual([]);
  });

  test('names every method of its watcher and of its tokens, and every event', () => {
    const watcher = readFileSync(load.resolve('node-etcd').replace('index.js', 'watcher.js'), 'utf8');
    const events = [...watcher.matchAll(/this\.emit\('(\w+)'/g)].map(([, event]) => event!);
    expect(new Set(events)).toEqual(new Set(['stop', 'reconnect', 'change', 'error', 'resync']));
    expect(unnamed(text, [...events, ...members(load('node-etcd/lib/watcher') as Class)])).toEqual([]);
    expect(unnamed(text, ['abort', 'cancel', 'isAborted', 'wasAborted'])).toEqual([]);
  });

  test('would be found wrong where one is left out', () => {
    expect(unnamed(text.replaceAll('watchIndex', ''), methods)).toEqual(['watchIndex']);
  });
});

describe('the guide for users of @keyv/etcd', () => {
  const text = page('migrating-from-keyv-etcd');
  const declared = readFileSync(load.resolve('@keyv/etcd').replace('.cjs', '.d.ts'), 'utf8');
  // Its fields are declared, and only some are there in an instance, which would open a connection.
  const adapter = [...declared.matchAll(/^ {4}(\w+)\??[:(]/gm)].map(([, name]) => name!);
  const { Keyv } = load('keyv') as { readonly Keyv: Class };

  test('names every method and field of the adapter', () => {
    expect(adapter).toEqual(expect.arrayContaining(['getMany', 'clear', 'iterator', 'disconnect', 'ttlSupport']));
    expect(
      unnamed(
        text,
        adapter.filter((name) => name !== 'constructor'),
      ),
    ).toEqual([]);
  });

  test('names every method of Keyv', () => {
    const events = ['on', 'once', 'off', 'emit', 'addListener', 'removeListener', 'removeAllListeners', 'listeners'];
    const methods = members(Keyv).filter((name) => !events.includes(name));
    expect(methods.length).toBeGreaterThan(15);
    expect(unnamed(text, methods)).toEqual([]);
  });
});

describe('the guide for users of lua-resty-etcd', () => {
  const text = page('migrating-from-lua-resty-etcd');

  test('names every function, and every option', () => {
    expect(unnamed(section(text, 'Making a client'), [...lua.new, ...lua.health])).toEqual([]);
    expect(
      unnamed(section(text, 'The v3 functions') + section(text, 'Making a client'), [...lua.v3, ...lua.options]),
    ).toEqual([]);
    expect(unnamed(section(text, 'The v2 functions') + section(text, 'Making a client'), lua.v2)).toEqual([]);
  });

  test('would be found wrong where one is left out', () => {
    expect(unnamed(text.replaceAll('setnx', ''), lua.v3)).toEqual(['setnx']);
  });
});
