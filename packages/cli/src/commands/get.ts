import type { Command } from 'commander';
import { noKey } from '../text/answers.js';
import type { Session } from '../session.js';
import { whole } from '../store/store-flags.js';
import { entryJson } from '../text/json.js';

interface Flags {
  readonly revision?: number;
  readonly serializable?: true;
}

export function addGet(program: Command, session: Session): void {
  program
    .command('get')
    .summary('write the value of a key')
    .description(
      "Writes exactly the value's bytes, without a line break behind them. A key that is not there is exit code 1.",
    )
    .argument('<key>', 'the key')
    .option('--revision <revision>', 'the value at a past revision', whole('--revision'))
    .option('--serializable', 'a cheaper read, which may be stale')
    .addHelpText(
      'after',
      `
Examples:
  holdfast get /app/limits
  holdfast get /app/limits --json
  holdfast get /app/logo --revision 4711 > logo.png
`,
    )
    .action((key: string, flags: Flags) =>
      session.withStore(async ({ store, label }) => {
        const { revision, serializable } = flags;
        const entry = await store.get(key, {
          signal: session.signal,
          ...(revision !== undefined && { revision }),
          ...(serializable && { consistency: 'serializable' as const }),
        });
        if (entry === undefined) throw noKey(key, label);
        await session.out.write(session.json ? `${JSON.stringify(entryJson(entry))}\n` : entry.value);
      }),
    );
}
