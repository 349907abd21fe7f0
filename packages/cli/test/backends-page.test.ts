import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { filesStore } from '@holdfast/files';
import { lmdbStore } from '@holdfast/lmdb';
import { memoryStore } from '@holdfast/memory';
import { postgresStore } from '@holdfast/postgres';
import { backendsTable } from './support/backends-table.js';
import { root } from './support/markdown-sample.js';

const BEGIN = '<!-- generated from the declared capabilities: HOLDFAST_UPDATE_DOCS=1 npx jest backends-page -->\n';
const END = '<!-- end -->';

/** Stores of all backends, unconnected: what they declare needs no server. */
const endpoints = ['http://127.0.0.1:1'];
const backends = {
  memory: memoryStore().capabilities,
  lmdb: lmdbStore({ path: './data' }).capabilities,
  postgres: postgresStore({ connectionString: 'postgres://127.0.0.1:1' }).capabilities,
  'files (writable)': filesStore({ path: './config', writable: true }).capabilities,
  'etcd-v3': etcdV3Store({ endpoints }).capabilities,
  'etcd-v2': etcdV2Store({ endpoints }).capabilities,
};

function withTable(page: string, table: string): string {
  const from = page.indexOf(BEGIN) + BEGIN.length;
  return `${page.slice(0, from)}\n${table}\n${page.slice(page.indexOf(END, from))}`;
}

test('docs/backends.md shows what the backends declare', () => {
  const path = join(root, 'docs', 'backends.md');
  const page = readFileSync(path, 'utf8');
  for (const mark of [BEGIN, END]) expect(page).toContain(mark);
  const current = withTable(page, backendsTable(backends));
  if (process.env['HOLDFAST_UPDATE_DOCS'] === '1') writeFileSync(path, current);
  expect(readFileSync(path, 'utf8')).toBe(current);
});

test('a capability that changes would be found', () => {
  const path = join(root, 'docs', 'backends.md');
  const changed = { ...backends, 'etcd-v2': { ...backends['etcd-v2'], history: { events: 2_000 } } };
  expect(withTable(readFileSync(path, 'utf8'), backendsTable(changed))).not.toBe(readFileSync(path, 'utf8'));
});
