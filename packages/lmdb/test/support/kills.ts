import { readdirSync } from 'node:fs';
import type { KeyValue, WatchBatch } from '@holdfast/store';
import { Random } from '@holdfast/testkit';
import { lmdbStore } from '@holdfast/lmdb';
import { buildProgram, Program } from './program.js';

export interface KillsResult {
  readonly kills: number;
  readonly acknowledged: number;
  /** How many writes of killed writers were found although nobody was told of them. */
  readonly unacknowledged: number;
  readonly revisions: number;
  /** What must not have happened. */
  readonly violations: readonly string[];
}

export interface KillsOptions {
  readonly path: string;
  readonly kills: number;
  readonly seed: number;
  readonly sync?: 'always' | 'batched';
  readonly onKill?: (kills: number) => void;
}

const WRITERS_EACH = 3;

/**
 * Two processes write to one folder. One of them is killed at a random moment, again and again, and another takes its place. Meanwhile this process
 * watches. In the end each acknowledged write must be there, in whole transactions, and the watch must have seen every revision once, in order.
 */
export async function runKills({ path, kills, seed, sync = 'always', onKill }: KillsOptions): Promise<KillsResult> {
  const random = new Random(seed);
  const program = buildProgram('writer');
  const violations: string[] = [];
  const acked = new Map<string, number>();
  const store = lmdbStore({ path, pollMs: 200 });
  await store.put('begin', '');
  const watch = store.watch({ prefix: '' });
  const { revision: from } = await watch.ready;
  const batches: WatchBatch[] = [];
  const reading = (async () => {
    for await (const batch of watch) if (batch.kind === 'events') batches.push(batch);
  })();
  const start = (id: string) => new Program(program, [path, id, sync, String(WRITERS_EACH)]);
  const writers: Program[] = [start('p0'), start('p1')];
  for (let killed = 1; killed <= kills; killed++) {
    const index = random.between(0, 1);
    const victim = writers[index];
    if (victim === undefined) break;
    await victim.line((line) => line.startsWith('acked'));
    await new Promise((done) => setTimeout(done, random.between(0, 40)));
    await victim.kill();
    await note(acked, victim);
    checkValues(violations, acked, (await store.list({ prefix: '' })).items, `kill ${killed}`);
    // As many ids as are alive: what a killed writer began, the next one of its id finds.
    writers[index] = start(`p${index}`);
    onKill?.(killed);
  }
  for (const writer of writers) {
    await writer.kill();
    await note(acked, writer);
  }
  const { items, bookmark } = await store.list({ prefix: '' });
  checkValues(violations, acked, items, 'the end');
  await store.put('end', '');
  const until = Date.now() + 60_000;
  while ((batches.at(-1)?.bookmark.revision ?? 0) <= bookmark.revision && Date.now() < until) {
    await new Promise((done) => setTimeout(done, 20));
  }
  await watch.close();
  await reading;
  checkBatches(violations, batches, from, bookmark.revision);
  await store.close();
  if (!readdirSync(path).includes('data.mdb')) violations.push('the file is gone');
  const written = items.reduce((sum, { key, value }) => sum + (key.startsWith('a/') ? number(value) : 0), 0);
  const acknowledged = [...acked.values()].reduce((sum, n) => sum + n, 0);
  return {
    kills,
    acknowledged,
    unacknowledged: written - acknowledged,
    revisions: bookmark.revision - from,
    violations,
  };
}

async function note(acked: Map<string, number>, { ended, lines }: Program): Promise<void> {
  await ended;
  for (const line of lines) {
    const [word, writer = '', n] = line.split(' ');
    if (word === 'acked') acked.set(writer, Math.max(acked.get(writer) ?? 0, Number(n)));
  }
}

function checkValues(violations: string[], acked: Map<string, number>, items: readonly KeyValue[], when: string): void {
  const values = new Map(items.map(({ key, value }) => [key, number(value)]));
  for (const [writer, n] of acked) {
    const [a, b] = [values.get(`a/${writer}`), values.get(`b/${writer}`)];
    if (a === undefined || a < n)
      violations.push(`${when}: write ${n} of ${writer} was acknowledged, and ${a} is there`);
    if (a !== b) violations.push(`${when}: a transaction of ${writer} is torn: ${a} and ${b}`);
  }
}

function checkBatches(violations: string[], batches: readonly WatchBatch[], from: number, to: number): void {
  let last = from;
  for (const { bookmark, events } of batches) {
    if (bookmark.revision > to) break;
    if (bookmark.revision !== last + 1) violations.push(`the watch saw revision ${bookmark.revision} after ${last}`);
    if (events.length !== 2) violations.push(`revision ${bookmark.revision} had ${events.length} events in the watch`);
    last = bookmark.revision;
  }
  if (last !== to) violations.push(`the watch saw up to revision ${last}, and the store is at ${to}`);
}

function number(value: Uint8Array): number {
  return Number.parseInt(Buffer.from(value).toString() || '0', 10);
}
