import type { Command } from 'commander';
import {
  isStoreError,
  StoreError,
  toRevision,
  type Bookmark,
  type ConfigStore,
  type KeyValue,
  type Revision,
  type WatchEvent,
} from '@holdfast/store';
import { noKey } from '../text/answers.js';
import type { Session } from '../session.js';
import { whole } from '../store/store-flags.js';
import { eventLine } from '../text/event-line.js';
import { entryJson, eventJson } from '../text/json.js';

interface Flags {
  readonly limit?: number;
}

/** What the store still knows of a key. */
interface Log {
  /** From the oldest to the newest. */
  readonly events: WatchEvent[];
  /** The key as it was when the history before was forgotten. */
  readonly oldest?: KeyValue;
  readonly compactRevision?: Revision;
}

export function addLog(program: Command, session: Session): void {
  program
    .command('log')
    .summary('show what a key was before')
    .description(
      'Shows every change of a key that the store still knows, the newest first: revision, kind, key, value. "kept" is the key as it was when the history before was forgotten. Needs a backend that keeps history, such as etcd v3.',
    )
    .argument('<key>', 'the key')
    .option('--limit <number>', 'only so many of the newest changes', whole('--limit'))
    .addHelpText(
      'after',
      `
Examples:
  holdfast log /app/limits
  holdfast log /app/limits --limit 1 --json
  holdfast get /app/limits --revision 4711
`,
    )
    .action((key: string, { limit }: Flags) =>
      session.withStore(async ({ store, label }) => {
        const log = await readLog(session, store, key);
        const { events, oldest, compactRevision } = log;
        const lines = events.map((event) =>
          session.json ? JSON.stringify(eventJson(event)) : eventLine(session, event),
        );
        if (oldest !== undefined) lines.unshift(oldestLine(session, oldest));
        if (lines.length === 0) throw noKey(key, label);
        const shown = lines.reverse().slice(0, limit);
        await session.out.write(shown.map((line) => `${line}\n`).join(''));
        if (compactRevision !== undefined && shown.length === lines.length && !session.json) {
          await session.note(`The history before revision ${compactRevision} is gone.`);
        }
      }),
    );
}

async function readLog(session: Session, store: ConfigStore, key: string): Promise<Log> {
  const { capabilities } = store;
  if (capabilities.progress !== 'exact' || !capabilities.historicalReads) {
    // Nothing would tell where the history of a deleted key ends.
    throw new StoreError('unsupported', `${store.name} keeps no history that can be read again`);
  }
  const { signal } = session;
  // The status would be one member's knowledge, and a member that is behind would leave out the newest changes.
  const { bookmark: head } = await store.list({ key }, { countOnly: true, signal });
  const { identity } = head;
  try {
    return { events: await eventsOf(session, store, key, { identity, revision: toRevision(1) }, head) };
  } catch (error) {
    if (!isStoreError(error, 'compacted')) throw error;
    const { compactRevision } = error;
    const oldest = await store.get(key, { revision: compactRevision, signal });
    const events = await eventsOf(session, store, key, { identity, revision: compactRevision }, head);
    return { events, compactRevision, ...(oldest !== undefined && { oldest }) };
  }
}

/** The events of a key behind one revision, up to another one. */
async function eventsOf(
  session: Session,
  store: ConfigStore,
  key: string,
  after: Bookmark,
  head: Bookmark,
): Promise<WatchEvent[]> {
  if (after.revision >= head.revision) return [];
  const watch = store.watch({ key }, { after, signal: session.signal });
  let isLate = false;
  // A history that does not come is no reason to wait for ever.
  const timer = setTimeout(() => {
    isLate = true;
    void watch.close();
  }, session.timeoutMs);
  const events: WatchEvent[] = [];
  try {
    for await (const batch of watch) {
      events.push(...batch.events.filter((event) => event.revision <= head.revision));
      if (batch.bookmark.revision >= head.revision) return events;
    }
  } finally {
    clearTimeout(timer);
    await watch.close();
  }
  const waited = isLate ? ` within ${session.timeoutMs} ms` : '';
  throw new StoreError('timeout', `the history of the key was not read to its end${waited}`);
}

function oldestLine(session: Session, entry: KeyValue): string {
  if (session.json) return JSON.stringify({ type: 'kept', revision: entry.modRevision, current: entryJson(entry) });
  const { modRevision: revision } = entry;
  return eventLine(session, { type: 'put', revision, current: entry, isCreate: false }, 'kept');
}
