// A mirror of a folder: what it shows while the folder is gone, and when it is back.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { filesStore } from '@holdfast/files';
import { eventually } from '@holdfast/testkit';

test('a mirror is stale while its folder is gone or empty in its place, keeps all entries, and is live when it is back', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'holdfast-files-mirror-'));
  using _ = { [Symbol.dispose]: () => rmSync(parent, { recursive: true }) };
  const folder = join(parent, 'app');
  mkdirSync(folder);
  for (const name of ['a', 'b']) writeFileSync(join(folder, `${name}.txt`), '1');
  await using store = filesStore({ path: folder, settleMs: 10, pollMs: 50 });
  await using copy = await mirror(store, { prefix: '', codec: text(), livenessMs: 400 });
  const shown = () => [...copy.entries()].map(([key, { value }]) => `${key}=${value}`);
  const statuses: string[] = [];
  copy.on('state', ({ status }) => statuses.push(status));
  // A busy machine may be silent for longer than `livenessMs`.
  await eventually(() => expect([copy.state.status, shown()]).toEqual(['live', ['a=1', 'b=1']]));
  renameSync(folder, `${folder}.away`);
  await eventually(() => expect(copy.state).toMatchObject({ status: 'stale' }));
  mkdirSync(folder);
  await eventually(async () =>
    expect(store.status()).rejects.toMatchObject({ message: expect.stringMatching(/empty/) }),
  );
  expect([copy.state.status, shown()]).toEqual(['stale', ['a=1', 'b=1']]);
  rmSync(folder, { recursive: true });
  writeFileSync(join(`${folder}.away`, 'a.txt'), '2');
  renameSync(`${folder}.away`, folder);
  await eventually(() => expect([copy.state.status, shown()]).toEqual(['live', ['a=2', 'b=1']]));
  expect(statuses).not.toContain('closed');
});
