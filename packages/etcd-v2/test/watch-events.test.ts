// What a server's events are to a watch, event by event. That servers send them is in watch.test.ts.
import { describe, expect, test } from '@jest/globals';
import type { Range } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import type { V2Event, V2Node } from '../src/json/codec.js';
import { translate } from '../src/watch/events.js';

const INDEX = 7;

function event(action: string, key: string, more: Partial<V2Node> = {}, prevNode?: Partial<V2Node>): V2Event {
  const node: V2Node = { key, modifiedIndex: INDEX, createdIndex: INDEX, ...more };
  return { action, node, ...(prevNode && { prevNode: { key, modifiedIndex: 6, createdIndex: 6, ...prevNode } }) };
}

/** The event in short, or `undefined` where a watch of the range is told nothing. */
function told(range: Range, given: V2Event): string | undefined {
  const result = translate(given, KeyRange.from(range), { previous: false, only: undefined });
  if (result === undefined) return undefined;
  if (result.kind === 'undecodable') return 'undecodable';
  expect(result.event.revision).toBe(INDEX);
  switch (result.event.type) {
    case 'put':
      return `put ${result.event.current.key}`;
    case 'delete':
      return `delete ${result.event.key}`;
    default:
      return `delete-range ${JSON.stringify(result.event.range)}`;
  }
}

describe('a watch', () => {
  test('is told nothing of hidden nodes, which the replay of history shows', () => {
    for (const key of ['/a/_x', '/a/_x/y', '/_a']) {
      expect(told({ prefix: '' }, event('set', key, { value: '1' }))).toBeUndefined();
      expect(told({ prefix: '' }, event('delete', key, {}, { value: '1' }))).toBeUndefined();
      expect(told({ prefix: '' }, event('delete', key, { dir: true }, { dir: true }))).toBeUndefined();
    }
    expect(told({ prefix: '' }, event('set', '/a/x_', { value: '1' }))).toBe('put /a/x_');
  });

  test('trap 13: is told nothing of siblings, which come with the directory that a prefix is watched from', () => {
    expect(told({ prefix: '/a/b' }, event('set', '/a/bc', { value: '1' }))).toBe('put /a/bc');
    for (const key of ['/a/c', '/a/a/b', '/a']) {
      expect(told({ prefix: '/a/b' }, event('set', key, { value: '1' }))).toBeUndefined();
      expect(told({ prefix: '/a/b' }, event('delete', key, {}, { value: '1' }))).toBeUndefined();
    }
    expect(told({ prefix: '/a/b/' }, event('set', '/a/bc', { value: '1' }))).toBeUndefined();
  });

  test('trap 13: is told nothing of a directory whose name its own only begins with', () => {
    const gone = event('delete', '/a', { dir: true }, { dir: true });
    for (const range of ['/ab', { prefix: '/ab' }, { prefix: '/ab/' }]) expect(told(range, gone)).toBeUndefined();
    expect(told({ prefix: '/a' }, gone)).toBe('delete-range {"prefix":"/a/"}');
    expect(told({ prefix: '/a/b' }, gone)).toBe('delete-range {"prefix":"/a/b"}');
  });

  test('is told that an entry is gone whose place a directory takes, and nothing of directories that come to be', () => {
    expect(told({ prefix: '/' }, event('set', '/a', { dir: true }, { value: '1' }))).toBe('delete /a');
    expect(told({ prefix: '/' }, event('set', '/a', { dir: true }))).toBeUndefined();
    expect(told({ prefix: '/' }, event('update', '/a', { dir: true }, { dir: true }))).toBeUndefined();
  });

  test('does not guess what an action did that etcd v2 does not have', () => {
    expect(() => told({ prefix: '/' }, event('rename', '/a'))).toThrow(/"rename"/);
  });
});
