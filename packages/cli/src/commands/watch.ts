import { Option, type Command } from 'commander';
import { isStoreError, toRevision, type Bookmark, type ConfigStore, type WatchState } from '@holdfast/store';
import type { Session } from '../session.js';
import { prefixRange } from '../store/ranges.js';
import { whole } from '../store/store-flags.js';
import { eventLine } from '../text/event-line.js';
import { rawKeyText } from '../text/inline.js';
import { eventJson, undecodableJson } from '../text/json.js';

interface Flags {
  readonly all?: true;
  readonly after?: number;
  readonly previous?: true;
  readonly only?: 'put' | 'delete';
}

export function addWatch(program: Command, session: Session): void {
  program
    .command('watch')
    .summary('print each change below a prefix, until Ctrl-C')
    .description(
      'Prints a line for each change of a key that begins with a prefix: revision, kind, key, value. The watch survives lost connections, and says on standard error when events may be late. It ends if it would miss events.',
    )
    .argument('[prefix]', 'the beginning of the keys')
    .option('--all', 'every key of the store, instead of a prefix')
    .option('--after <revision>', 'begin with the changes after this revision, and not now', whole('--after'))
    .addOption(new Option('--only <kind>', 'only this kind of change').choices(['put', 'delete']))
    .option('--previous', 'also show the values before')
    .addHelpText(
      'after',
      `
Examples:
  holdfast watch /app/
  holdfast watch /app/ --after 4711
  holdfast watch --all --json | jq -r .current.key
`,
    )
    .action((prefix: string | undefined, flags: Flags) => {
      const range = prefixRange(prefix, flags.all);
      return session.withStore(({ store }) => follow(session, store, range, flags));
    });
}

async function follow(
  session: Session,
  store: ConfigStore,
  range: { readonly prefix: string },
  { after, previous, only }: Flags,
): Promise<void> {
  const { signal } = session;
  // A store that is down now is told at once: the watch itself would wait for it. It is a read and not the status, which is one member's
  // knowledge: a member that is behind would make the watch begin with changes of before.
  const { bookmark } = await store.list(range, { countOnly: true, signal });
  const begin: Bookmark = after === undefined ? bookmark : { ...bookmark, revision: toRevision(after) };
  const watch = store.watch(range, {
    after: begin,
    signal,
    ...(previous && { previous }),
    ...(only !== undefined && { only }),
  });
  let isLate = false;
  watch.onState((state) => {
    if (state.status === 'interrupted' || (state.status === 'live' && isLate)) {
      isLate = state.status === 'interrupted';
      void sayState(session, state);
    }
  });
  try {
    for await (const { events, undecodable } of watch) {
      const lines = [
        ...events.map((event) => (session.json ? JSON.stringify(eventJson(event)) : eventLine(session, event))),
        ...undecodable.map((key) =>
          session.json
            ? JSON.stringify(undecodableJson(key))
            : `${key.revision}\t${key.deleted ? 'delete' : 'put'}\t${rawKeyText(key.rawKey)}\t(not UTF-8)`,
        ),
      ];
      await session.out.write(lines.map((line) => `${line}\n`).join(''));
    }
  } catch (error) {
    // A signal is how a watch ends: there is nothing to complain about.
    if (!(signal.aborted && isStoreError(error, 'aborted'))) throw error;
  } finally {
    await watch.close();
  }
}

async function sayState(session: Session, state: WatchState): Promise<void> {
  if (session.json) await session.note(JSON.stringify({ state }));
  else if (state.status === 'interrupted') {
    await session.note(`The watch is interrupted, and events may be late: ${state.cause.message}`);
  } else await session.note('The watch is live again. No event was lost.');
}
