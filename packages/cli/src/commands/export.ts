import type { Command } from 'commander';
import type { UndecodableKey } from '@holdfast/store';
import type { OpenStore, Session } from '../session.js';
import { prefixRange, readEntries } from '../store/ranges.js';
import { whole } from '../store/store-flags.js';
import { progressBar } from '../terminal/progress.js';
import { strangeKeysText } from '../text/answers.js';
import { entryJson, undecodableJson } from '../text/json.js';

interface Flags {
  readonly all?: true;
  readonly revision?: number;
}

export function addExport(program: Command, session: Session): void {
  program
    .command('export')
    .summary('write all keys below a prefix, for "holdfast import"')
    .description(
      'Writes all keys that begin with a prefix, with their values, at one revision: one JSON object on each line, as "list --json" does. Values that are not text are "valueBase64". Keys that are not UTF-8 are objects with "rawKeyBase64", and are listed on standard error: no command can write them back.',
    )
    .argument('[prefix]', 'the beginning of the keys')
    .option('--all', 'every key of the store, instead of a prefix')
    .option('--revision <revision>', 'the state at a past revision', whole('--revision'))
    .addHelpText(
      'after',
      `
Examples:
  holdfast export /app/ > app.ndjson
  holdfast export --all --store etcd-v2://127.0.0.1:2379 | holdfast import - --yes
  holdfast export /app/ --revision 4711 | jq -r .key
`,
    )
    .action((prefix: string | undefined, flags: Flags) => {
      const range = prefixRange(prefix, flags.all);
      return session.withStore((open) => exportLines(session, open, range, flags));
    });
}

async function exportLines(
  session: Session,
  { store }: OpenStore,
  range: { readonly prefix: string },
  { revision }: Flags,
): Promise<void> {
  const { signal, io, width } = session;
  const strange: UndecodableKey[] = [];
  // Lines that come out of the same terminal show how far it is.
  const progress = progressBar(io, 'keys', width !== undefined);
  let done = 0;
  try {
    for await (const page of readEntries(store, range, { signal, ...(revision !== undefined && { revision }) })) {
      const lines = [...page.items.map(entryJson), ...page.undecodable.map(undecodableJson)];
      strange.push(...page.undecodable);
      await session.out.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      done += lines.length;
      progress.update(done, page.count);
    }
  } finally {
    progress.stop();
  }
  if (strange.length > 0) await session.note(strangeKeysText(strange));
}
