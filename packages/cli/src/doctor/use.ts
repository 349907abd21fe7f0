import { isStoreError, StoreError, toRevision, type ConfigStore, type Revision } from '@holdfast/store';
import { sleep, systemClock } from '@holdfast/store/adapter';
import { count } from '../text/inline.js';
import { failed, note, ok, problem, type Finding } from './finding.js';

const READS = 5;
/** A mirror's questions take that long too, and everything that waits for them. */
const SLOW_MS = 250;
/** A connection that is lost for some minutes should be able to go on where it was. */
const SHORT_HISTORY = 100;

/** What the checks of use need. */
export interface Use {
  readonly store: ConfigStore;
  /** What an application reads. */
  readonly range: { readonly prefix: string };
  /** A key in that range that nobody has. */
  readonly probe: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Whether the user may read, and how long it takes. @returns also the head, if it could be read */
export async function readFindings({ store, range, signal }: Use): Promise<{ found: Finding[]; head?: Revision }> {
  const times: number[] = [];
  let head: Revision | undefined;
  let keys = 0;
  try {
    for (let each = 0; each < READS; each += 1) {
      const began = performance.now();
      const { bookmark, count: number } = await store.list(range, { countOnly: true, signal });
      times.push(performance.now() - began);
      head = bookmark.revision;
      keys = number;
    }
  } catch (error) {
    signal.throwIfAborted();
    return { found: [failed('reads', error)] };
  }
  times.sort((a, b) => a - b);
  const [median = 0, most = 0] = [times[Math.floor(READS / 2)], times.at(-1)];
  const what = `a read takes ${median.toFixed(0)} ms, at most ${most.toFixed(0)} ms`;
  const reads = ok('reads', `${count(keys, 'key')} below ${JSON.stringify(range.prefix)}`);
  const latency =
    median < SLOW_MS
      ? ok('latency', what)
      : problem('latency', what, 'Check the network, and the disks of the store; name endpoints that are nearer.');
  return { found: [reads, latency], ...(head !== undefined && { head }) };
}

/** How far back a watch can begin. */
export async function historyFinding({ store, probe, signal }: Use, head: Revision): Promise<Finding> {
  const { history, historicalReads } = store.capabilities;
  if (history === 'none')
    return note('history', 'this backend keeps none: a mirror reads again after each interruption');
  if (typeof history === 'object') return ok('history', `the last ${count(history.events, 'event')}`);
  if (!historicalReads) return note('history', 'kept until it is compacted; this backend does not tell how much');
  try {
    await store.get(probe, { revision: 1, signal });
    return ok('history', `whole: nothing was ever compacted, up to revision ${head}`);
  } catch (error) {
    signal.throwIfAborted();
    if (!isStoreError(error, 'compacted')) return failed('history', error);
    const kept = head - error.compactRevision;
    const text = `${count(kept, 'revision')} are kept, from ${error.compactRevision} to ${head}`;
    if (kept >= SHORT_HISTORY || head <= SHORT_HISTORY) return ok('history', text);
    return note('history', `${text}: whoever is interrupted for longer has to read again`);
  }
}

/** Whether a watch gets through, and tells how far it is. */
export async function watchFinding({ store, probe, timeoutMs, signal }: Use, head: Revision): Promise<Finding> {
  const began = performance.now();
  const isExact = store.capabilities.progress === 'exact' && head > 1;
  const { identity } = (await store.list({ key: probe }, { countOnly: true, signal })).bookmark;
  const after = { identity, revision: toRevision(isExact ? head - 1 : head) };
  const watch = store.watch({ key: probe }, { after, signal });
  const limit = new AbortController();
  const late = sleep(systemClock, timeoutMs, limit.signal).then(
    () => {
      throw new StoreError('timeout', `no watch was established and had told its progress within ${timeoutMs} ms`);
    },
    () => undefined,
  );
  try {
    await Promise.race([isExact ? firstProgress(watch, head) : watch.ready, late]);
    const ms = (performance.now() - began).toFixed(0);
    return ok('progress', isExact ? `a watch tells its progress, after ${ms} ms` : `a watch begins, after ${ms} ms`);
  } catch (error) {
    signal.throwIfAborted();
    // The history of a moment ago is gone: a watch that begins now needs none of it.
    if (isStoreError(error, 'compacted')) return note('progress', 'not looked at: the store was compacted to its head');
    const found = failed('progress', error);
    return {
      ...found,
      next: 'Check proxies on the way: a watch is a long answer, which they must not hold back or cut.',
    };
  } finally {
    limit.abort();
    await watch.close();
  }
}

async function firstProgress(watch: ReturnType<ConfigStore['watch']>, head: Revision): Promise<void> {
  for await (const { bookmark } of watch) if (bookmark.revision >= head) return;
}
