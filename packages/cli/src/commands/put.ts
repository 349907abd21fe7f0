import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { GuardedPutResult, PutGuard, PutOptions, PutResult } from '@holdfast/store';
import { guardFailed } from '../text/answers.js';
import { usage } from '../exit/command-error.js';
import type { Session } from '../session.js';
import { guardOf, type GuardFlags } from '../store/guards.js';
import { whole } from '../store/store-flags.js';
import { inline, inlineValue } from '../text/inline.js';
import { resultJson } from '../text/json.js';

interface Flags extends GuardFlags {
  readonly file?: string;
  readonly ttl?: number;
  readonly lease?: string;
  readonly ignoreValue?: true;
  readonly ignoreLease?: true;
  readonly previous?: true;
}

export function addPut(program: Command, session: Session): void {
  program
    .command('put')
    .summary('write a key')
    .description(
      'Writes a key. The value is an argument, the standard input (-), or a file. With a guard, the key is written only if the guard holds; otherwise the exit code is 5.',
    )
    .argument('<key>', 'the key')
    .argument('[value]', 'the value, or - for the standard input')
    .option('-f, --file <file>', 'the file with the value, byte for byte')
    .optionsGroup('Guards (one of them):')
    .option('--if-absent', 'only if there is no such key')
    .option('--if-present', 'only if there is such a key')
    .option('--if-revision <revision>', 'only if the key was last changed at this revision', whole('--if-revision'))
    .option('--if-value <value>', 'only if the key has this value')
    .optionsGroup('Options:')
    .option('--ttl <seconds>', 'how long the key lives', whole('--ttl'))
    .option('--lease <id>', 'the lease that the key is attached to')
    .option('--ignore-value', 'keep the value, and change the lease alone')
    .option('--ignore-lease', 'keep the lease, and change the value alone')
    .option('--previous', 'also show the entry before')
    .addHelpText(
      'after',
      `
A value that begins with a dash follows two dashes: holdfast put /app/offset -- -1

Examples:
  holdfast put /app/limits '{"rps": 100}'
  holdfast put /app/logo --file logo.png
  render-config | holdfast put /app/config -
  holdfast put /app/limits '{"rps": 50}' --if-revision 4711
`,
    )
    .action(async (key: string, argument: string | undefined, flags: Flags) => {
      const value = await readValue(session, argument, flags);
      await session.withStore(async ({ store, label }) => {
        const options = putOptions(session, flags);
        const guard = guardOf<PutGuard>(flags);
        const result: PutResult | GuardedPutResult =
          guard === undefined
            ? await store.put(key, value, options)
            : await store.put(key, value, { ...options, ...guard });
        await showPut(session, key, result, label);
      });
    });
}

async function readValue(session: Session, value: string | undefined, flags: Flags): Promise<string | Uint8Array> {
  const { file, ignoreValue } = flags;
  if ([value, file, ignoreValue].filter((each) => each !== undefined).length !== 1) {
    throw usage(
      value === undefined && file === undefined ? 'there is no value to write' : 'the value is given twice',
      'Give one of: a value, - for the standard input, --file FILE, or --ignore-value.',
    );
  }
  if (ignoreValue) return '';
  if (file !== undefined) return session.readFile(resolve(session.io.cwd, file));
  return value === '-' ? session.readFile('-') : (value ?? '');
}

function putOptions({ signal }: Session, { ttl, lease, ignoreValue, ignoreLease, previous }: Flags): PutOptions {
  return {
    signal,
    ...(ttl !== undefined && { ttl }),
    ...(lease !== undefined && { lease }),
    ...(ignoreValue && { ignoreValue }),
    ...(ignoreLease && { ignoreLease }),
    ...(previous && { previous }),
  };
}

async function showPut(
  session: Session,
  key: string,
  result: PutResult | GuardedPutResult,
  label: string,
): Promise<void> {
  const json = JSON.stringify(resultJson(result));
  if ('succeeded' in result && !result.succeeded) {
    if (session.json) await session.out.lineBeforeFailure(json);
    throw guardFailed(key, result, label);
  }
  if (session.json) {
    await session.out.line(json);
    return;
  }
  const { revision, ttl, lease, previous } = result;
  const lives = ttl === undefined ? '' : `, for ${ttl} s${lease === undefined ? '' : ` (lease ${lease})`}`;
  await session.out.line(`Wrote ${inline(key)} at revision ${revision}${lives}.`);
  if (previous !== undefined) {
    await session.out.line(`Before: ${inlineValue(previous.value)} (revision ${previous.modRevision})`);
  }
}
