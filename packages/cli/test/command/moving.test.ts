import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import type { ConfigStore, StoreAdapter } from '@holdfast/store';
import { DelegatingDriver, GuardedStore } from '@holdfast/store/adapter';
import { eventually } from '@holdfast/testkit';
import { command, jsonLines, startCommand } from '../support/command.js';

/** Two stores in memory, as `memory:` and `other:`. */
function stores() {
  const [source, target] = [memoryStore(), memoryStore()];
  const adapter = (scheme: string, store: ConfigStore): StoreAdapter => ({
    scheme,
    open: (_url, options) => new GuardedStore(new DelegatingDriver(store), options),
  });
  const shared = {
    adapters: [adapter('memory', source), adapter('other', target)],
    env: { HOLDFAST_STORE: 'memory:', HOLDFAST_TARGET: 'other:' },
  };
  return { source, target, shared };
}

const values = async (store: ConfigStore, prefix = '/app/') =>
  (await store.list({ prefix })).items.map(({ key, value }) => `${key} ${Buffer.from(value).toString()}`);

describe('holdfast replicate', () => {
  test('shows first, then copies; runs again where it ended', async () => {
    const { source, target, shared } = stores();
    await source.put('/app/1', 'one');
    const dry = await command(['replicate', '/app/', '--dry-run'], shared);
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.out).toContain(
      'From memory:: 1 key, 3 bytes, 0 with a time to live.\nTo other:: 1 key to create, 0 to update',
    );
    expect((await command(['replicate', '/app/'], shared)).code).toBe(2);
    expect(await values(target)).toEqual([]);
    const once = await command(['replicate', '/app/', '--once', '--yes'], shared);
    expect(once).toMatchObject({ code: 0, out: expect.stringMatching(/^Copied 1 key up to revision \d+\.\n$/) });
    await source.delete({ key: '/app/1' });
    await source.put('/app/2', 'two');
    const again = await command(['replicate', '/app/', '--once', '--yes', '--json'], shared);
    expect(jsonLines(again.out)).toMatchObject([{ keys: 1, conflicts: [] }]);
    expect(await values(target)).toEqual(['/app/2 two']);
  });

  test('follows until Ctrl-C, which ends it cleanly', async () => {
    const { source, target, shared } = stores();
    const running = startCommand(['replicate', '/app/', '--yes'], shared);
    await running.shows('following');
    await source.put('/app/3', 'three');
    await eventually(async () => expect(await values(target)).toEqual(['/app/3 three']));
    running.signal('SIGINT');
    expect(await running.code).toBe(130);
  });

  test('a conflict is exit code 5, and changes nothing', async () => {
    const { source, target, shared } = stores();
    await source.put('/app/1', 'one');
    await source.put('/app/2', 'two');
    await target.put('/app/1', 'theirs');
    const stopped = await command(['replicate', '/app/', '--once', '--yes'], shared);
    expect(stopped.code).toBe(5);
    expect(stopped.err).toContain('the target has "/app/1" from somebody else');
    expect(await values(target)).toEqual(['/app/1 theirs']);
    const skipped = await command(['replicate', '/app/', '--once', '--yes', '--on-conflict', 'skip'], shared);
    expect(skipped.code).toBe(0);
    expect(await values(target)).toEqual(['/app/1 theirs', '/app/2 two']);
  });

  test('needs a target and a prefix', async () => {
    const { shared } = stores();
    const none = await command(['replicate', '/app/'], { ...shared, env: { HOLDFAST_STORE: 'memory:' } });
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining('--target or HOLDFAST_TARGET') });
    expect(await command(['replicate'], shared)).toMatchObject({ code: 2 });
    expect(await command(['migrate', '/app/', 'jump'], shared)).toMatchObject({ code: 2 });
  });
});

describe('holdfast migrate', () => {
  test('only plans until it is told a step, then goes there, back and away', async () => {
    const { source, target, shared } = stores();
    await source.put('/app/1', 'one');
    const plan = await command(['migrate', '/app/'], shared);
    expect(plan).toMatchObject({
      code: 0,
      out: expect.stringContaining('The migration is at: none. The next step: copy.'),
    });
    expect((await target.list({ prefix: '' })).items).toEqual([]);
    expect(await command(['migrate', '/app/', 'copy'], shared)).toMatchObject({ code: 2 });
    expect(await command(['migrate', '/app/', 'copy', '--dry-run'], shared)).toMatchObject({ code: 0 });
    expect((await target.list({ prefix: '' })).items).toEqual([]);
    expect(await command(['migrate', '/app/', 'copy'], { ...shared, terminal: 80, input: 'n\n' })).toMatchObject({
      code: 1,
    });
    expect(await command(['migrate', '/app/', 'copy', '--yes'], shared)).toMatchObject({ code: 0 });
    await source.put('/app/2', 'two');
    const verified = await command(['migrate', '/app/', 'verify', '--yes'], shared);
    expect(verified).toMatchObject({ code: 0, out: 'Equal: 2 keys compared.\n' });
    const cut = await command(['migrate', '/app/', 'cut-over', '--yes', '--drain', '0.05', '--json'], shared);
    expect(jsonLines(cut.out)).toMatchObject([{ stage: 'cut-over', late: [] }]);
    expect(await values(target)).toEqual(['/app/1 one', '/app/2 two']);
    await target.put('/app/3', 'three');
    expect(await command(['migrate', '/app/', 'copy', '--yes'], shared)).toMatchObject({ code: 5 });
    expect(await command(['migrate', '/app/', 'retreat', '--yes', '--drain', '0.05'], shared)).toMatchObject({
      code: 0,
    });
    expect(await values(source)).toEqual(['/app/1 one', '/app/2 two', '/app/3 three']);
    const finished = await command(['migrate', '/app/', 'finish', '--yes'], shared);
    expect(finished).toMatchObject({ code: 0, out: 'Finished: nothing of the migration is left.\n' });
    expect([...(await values(source, '/holdfast/')), ...(await values(target, '/holdfast/'))]).toEqual([]);
  });

  test.each([
    ['replicate', ['replicate', '/app/', '--once']],
    ['migrate', ['migrate', '/app/', 'copy']],
    ['migrate, which nobody has begun', ['migrate', '/app/', 'cut-over']],
  ])('a copy within itself is refused, by %s', async (_, args) => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-moving-'));
    const url = `lmdb:${folder}/data`;
    const shared = { env: { HOLDFAST_STORE: url, HOLDFAST_TARGET: url } };
    await command(['put', '/app/1', 'one'], shared);
    for (const prefix of ['/app/', '/app/copy/']) {
      const copy = await command([...args, '--yes', '--target-prefix', prefix, '--record-key', 'record'], shared);
      expect(copy).toMatchObject({ code: 2, err: expect.stringContaining('source and target are the same store') });
    }
    expect((await command(['list', '--all'], shared)).out).toMatch(/^\/app\/1\t\d+\tone\n$/);
    rmSync(folder, { recursive: true });
  });

  test('verify exits 1 where the stores differ', async () => {
    const { source, target, shared } = stores();
    await source.put('/app/1', 'one');
    await target.put('/app/1', 'theirs');
    const differs = await command(['migrate', '/app/', 'verify', '--yes', '--on-conflict', 'skip'], shared);
    expect(differs).toMatchObject({ code: 1, out: expect.stringContaining('"/app/1": conflict') });
  });

  test('Ctrl-C while it drains ends it, and it can be gone on with', async () => {
    const { source, target, shared } = stores();
    await source.put('/app/1', 'one');
    const running = startCommand(['migrate', '/app/', 'cut-over', '--yes'], shared);
    await eventually(async () => (await source.get('/holdfast/fence/app')) !== undefined);
    running.signal('SIGINT');
    expect(await running.code).toBe(130);
    const done = await command(['migrate', '/app/', 'cut-over', '--yes', '--drain', '0.05'], shared);
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining('applications may use other:') });
    expect(await values(target)).toEqual(['/app/1 one']);
  });
});
