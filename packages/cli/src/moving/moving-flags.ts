import { type Command, Option } from 'commander';
import type { ConflictPolicy, ReplicateOptions } from '@holdfast/core/replicate';
import type { Session } from '../session.js';
import { prefixRange } from '../store/ranges.js';

/** The options of the commands that take a second store. */
export interface MovingFlags {
  readonly target?: string;
  readonly targetPrefix?: string;
  readonly name?: string;
  readonly recordKey?: string;
  readonly onConflict: ConflictPolicy;
  readonly acceptHistory?: true;
  readonly yes?: true;
  readonly dryRun?: true;
}

export function addMovingFlags(command: Command): Command {
  return command
    .option(
      '--target <url>',
      'the store to carry the keys to (or HOLDFAST_TARGET); its user and TLS files are in the URL',
    )
    .option('--target-prefix <prefix>', 'where the keys are in the target; by default PREFIX')
    .option('--name <name>', 'the name of the record in the target; by default made of PREFIX')
    .option('--record-key <key>', 'the key of the record, outside of the target prefix')
    .addOption(
      new Option('--on-conflict <policy>', 'what to do about keys of the target that others wrote')
        .choices(['stop', 'skip', 'overwrite'])
        .default('stop'),
    )
    .option('--accept-history', 'go on although the source was restored or wiped: that may delete keys in the target');
}

/** The same as options of `replicate()` and `migrate()`. */
export function movingOptions(session: Session, prefix: string | undefined, flags: MovingFlags): ReplicateOptions {
  const range = prefixRange(prefix, undefined);
  const { targetPrefix, recordKey, onConflict, acceptHistory, name = nameOf(range.prefix) } = flags;
  return {
    ...range,
    name,
    onConflict,
    signal: session.signal,
    startTimeoutMs: session.timeoutMs,
    syncTimeoutMs: session.timeoutMs,
    ...(targetPrefix !== undefined && { targetPrefix }),
    ...(recordKey !== undefined && { recordKey }),
    ...(acceptHistory === true && { acceptHistory }),
  };
}

/** `/app/routes/` is `app-routes`. */
function nameOf(prefix: string): string {
  const name = prefix.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+|-+$/g, '');
  return name === '' ? 'all' : name.slice(0, 128);
}
