import { type Conflict, ReplicationConflictError } from '@holdfast/core/replicate';
import { isStoreError } from '@holdfast/store';
import type { Host } from './host.js';
import { mappedAt, targetOf } from './mapping.js';
import type { ReplicationParts } from './parts.js';
import { FROM, RECORD, TO } from './plan.js';
import type { Run } from './run.js';

/** What was late has come by then, and what was lost was noticed. In milliseconds. */
const SETTLED_MS = 10_000;
/** The time within which a replicator must be done when nothing is wrong, in milliseconds. */
const DONE_MS = 30_000;
/** Longer than any lease. */
const LEASES_MS = 8_000;
/** How often a replicator may end by itself, for reasons of the past, before it must go on. */
const MOST_STARTS = 4;
/** How many receipts may wait for a transaction that clears them away. */
const WORN = 2;

const LAST_WRITES = [
  { kind: 'put', key: 'k3' },
  { kind: 'delete', key: 'd/y' },
] as const;

/** Ends all faults. Then one replicator makes the target equal to the source, but for the conflicts that it lists. */
export async function converge(parts: ReplicationParts): Promise<void> {
  const { clock, hosts, history, violations } = parts;
  heal(parts);
  await clock.advance(SETTLED_MS);
  history.judge();
  for (const host of hosts) {
    const { run } = host;
    if (run === undefined) continue;
    if (await synced(parts, host)) checkLeased(parts, run);
    else if (!run.isLeft && violations.areNone)
      violations.add('served', `${run.name} is not done ${DONE_MS} ms after the last fault`);
  }
  await within(parts, Promise.all(hosts.map((host) => host.close())));
  history.judge();
  if (!violations.areNone) return;
  const host = parts.host(0);
  if (!(await restarted(parts, host))) return;
  await checkEqual(parts, host);
  for (const write of LAST_WRITES) {
    const to = targetOf(parts.plan, FROM + write.key);
    // Nobody else writes them, but for the end of a write that was late.
    if (to !== undefined && !history.held.isForeign(to)) await parts.writer.write(write);
  }
  await clock.advance(LEASES_MS);
  await checkEqual(parts, host);
  await checkBeside(parts);
  await checkAgain(parts, host);
}

function heal(parts: ReplicationParts): void {
  const { trace, hosts, source, target } = parts;
  trace?.('everything heals');
  parts.isHealed = true;
  for (const host of hosts) {
    host.goOn();
    host.lateWrites.forget();
    for (const { link } of Object.values(host.clients)) link.apply('heal');
  }
  for (const { members } of [source, target]) members.catchUpAll();
}

/** Keys whose lease ran out at the target are there again. */
function checkLeased({ plan, history, source: { truth }, violations }: ReplicationParts, run: Run): void {
  history.judge();
  const listed = run.replication?.conflicts().map(({ targetKey }) => targetKey) ?? [];
  for (const key of mappedAt(plan, truth.current, truth.current.head).keys()) {
    if (history.held.isExpired(key) && !listed.includes(key))
      violations.add('lost', `${run.name} has not written ${key} again, whose lease ran out`);
  }
}

/** Starts a replicator until it follows. It may end only for what was done to the stores before. */
async function restarted(parts: ReplicationParts, host: Host): Promise<boolean> {
  const { plan, violations, runs } = parts;
  let { acceptsHistory } = plan;
  for (let starts = 0; starts < MOST_STARTS && violations.areNone; starts += 1) {
    const must = acceptsHistory ? undefined : otherHistory(parts);
    const error = await startOnce(parts, host, acceptsHistory);
    const run = runs.at(-1);
    if (run === undefined || !violations.areNone) return false;
    if (error === undefined) {
      if (must !== undefined) violations.add('history', `${run.name} goes on, although ${must}`);
      return violations.areNone;
    }
    if (isStoreError(error, 'history-changed')) {
      if (must === undefined && !parts.isOther(run)) violations.add('alarm', `${run.name} ended: ${error.message}`);
      acceptsHistory = true;
    } else if (error instanceof ReplicationConflictError) await clearAway(parts, run, error.conflicts);
    else violations.add('served', `${run.name} did not start although nothing was wrong: ${String(error)}`);
  }
  if (violations.areNone) violations.add('served', `no replicator goes on after ${MOST_STARTS} starts`);
  return false;
}

/** Gives why it ended; `undefined` if it follows. */
async function startOnce(parts: ReplicationParts, host: Host, acceptsHistory: boolean): Promise<unknown> {
  const { clock, runs, background } = parts;
  background.start(host.start(acceptsHistory));
  const run = runs.at(-1);
  for (const until = clock.now + DONE_MS; clock.now < until && run !== undefined;) {
    await clock.advance(100);
    if (run.isLeft) return run.failure;
    if (run.replication !== undefined) return undefined;
  }
  return new Error(`it takes longer than ${DONE_MS} ms`);
}

/** Why a replicator has to notice another history of the source; `undefined` if it need not. */
function otherHistory({ history, source: { truth } }: ReplicationParts): string | undefined {
  const { record, accepted } = history;
  const last = record?.bookmark ?? record?.toward;
  if (last === undefined || accepted === undefined) return undefined;
  const { identity, head } = truth.current;
  if (last.identity !== identity) return `the source has the identity ${identity} by now`;
  return last.revision > head ? `the source is at ${head} only` : undefined;
}

/** Somebody takes away what is in the way. */
async function clearAway(parts: ReplicationParts, run: Run, conflicts: readonly Conflict[]): Promise<void> {
  const { history, foreign, violations } = parts;
  for (const { targetKey, message } of conflicts) {
    if (!history.held.isForeign(targetKey)) violations.add('alarm', `${run.name}: ${message}, and it is its own`);
    await foreign.write({ key: targetKey.slice(TO.length), act: 'delete' });
  }
}

async function checkEqual(parts: ReplicationParts, host: Host): Promise<void> {
  const { plan, history, source, violations } = parts;
  if (!violations.areNone) return;
  if (!(await synced(parts, host))) {
    violations.add('served', `sync() fails although nothing is wrong`);
    return;
  }
  history.judge();
  const conflicts = host.replication?.conflicts() ?? [];
  const listed = new Set(conflicts.map(({ targetKey }) => targetKey));
  const { current } = source.truth;
  const wanted = mappedAt(plan, current, current.head);
  for (const [key, text] of wanted) {
    if (history.held.get(key)?.text !== text && !listed.has(key))
      violations.add('lost', `${key} is ${history.held.get(key)?.text ?? 'not there'} at last, and should be ${text}`);
  }
  for (const key of history.keys) {
    if (!wanted.has(key) && !history.held.isOthers(key))
      violations.add('lost', `${key} is there at last, and should not be`);
  }
  for (const { targetKey, reason } of conflicts) {
    if (reason === 'not-utf8') continue;
    if (plan.policy === 'overwrite' || !history.held.isForeign(targetKey))
      violations.add('alarm', `a conflict is listed at last: ${targetKey} ${reason}`);
  }
  const raw = conflicts.filter(({ reason }) => reason === 'not-utf8').length;
  if (raw !== current.rawCountAt(current.head))
    violations.add('lost', `${raw} keys are listed that are not UTF-8; there are ${current.rawCountAt(current.head)}`);
  await checkLeases(parts);
}

/** Where both stores have leases, a copy has one if its original has. */
async function checkLeases({ plan, source, target, history, violations }: ReplicationParts): Promise<void> {
  if (plan.source !== 'v3' || plan.target !== 'v3') return;
  const there = new Map((await target.data.list({ prefix: TO })).items.map((item) => [item.key, item]));
  for (const { key, lease } of (await source.data.list({ prefix: FROM })).items) {
    const to = targetOf(plan, key);
    const copy = to === undefined ? undefined : there.get(to);
    if (copy === undefined || history.held.isOthers(copy.key)) continue;
    if ((copy.lease === undefined) !== (lease === undefined))
      violations.add(
        'leases',
        `${copy.key} has ${copy.lease ?? 'no lease'} in the target, and ${lease ?? 'none'} in the source`,
      );
  }
}

/** A replicator that starts once more goes on, whatever histories there were before. The checkers see whether it writes anything twice. */
async function checkAgain(parts: ReplicationParts, host: Host): Promise<void> {
  const { violations, history, runs } = parts;
  if (!violations.areNone) return;
  await within(parts, host.close());
  const error = await startOnce(parts, host, false);
  history.judge();
  const run = runs.at(-1);
  if (error !== undefined && violations.areNone && !parts.looksWiped)
    violations.add('served', `${run?.name ?? ''} did not start again although nothing has changed: ${String(error)}`);
}

/** What is beside the record grows with the own keys only. */
async function checkBeside({ target, history, violations }: ReplicationParts): Promise<void> {
  if (!violations.areNone) return;
  const { items } = await target.data.list({ prefix: `${RECORD}~` });
  const most = history.keys.length + WORN;
  if (items.length > most)
    violations.add('left', `${items.length} keys are beside the record of ${history.keys.length} keys`);
}

async function synced(parts: ReplicationParts, host: Host): Promise<boolean> {
  for (let tries = 0; tries < DONE_MS / 4_000 && host.run !== undefined; tries += 1) {
    if (host.replication === undefined) await parts.clock.advance(4_000);
    else if ((await within(parts, parts.sync(host))) === true) return true;
  }
  return false;
}

/** Lets time pass until the work is done. */
async function within<T>({ clock }: ReplicationParts, work: Promise<T>): Promise<T | undefined> {
  let done: { readonly value: T } | undefined;
  void work.then((value) => (done = { value }));
  for (const until = clock.now + DONE_MS; done === undefined && clock.now < until;) await clock.advance(50);
  return done?.value;
}
