import type { Command } from 'commander';
import type { KeyValue } from '@holdfast/store';
import { carryOut, type CarryOutFlags } from '../changes/carry-out.js';
import { changesBetween, isLeased, leaseReason, type ChangeSet, type LeftOut } from '../changes/change.js';
import type { OpenStore, Session } from '../session.js';
import { keyOrPrefix, type KeyOrPrefix } from '../store/ranges.js';
import { readState, type State } from '../store/read-state.js';
import { whole } from '../store/store-flags.js';
import { noKey } from '../text/answers.js';

interface Flags extends CarryOutFlags {
  readonly prefix?: string;
  readonly all?: true;
  readonly to: number;
}

export function addRollback(program: Command, session: Session): void {
  program
    .command('rollback')
    .summary('put a key, or all keys below a prefix, back to what they were')
    .description(
      'Puts one key, or all keys that begin with a prefix, back to what they were at a past revision: values are put back, deleted keys are made again, and newer keys are deleted. It shows first what changes, and in which store; a terminal asks; without one, --yes is needed. Each change is guarded by what was shown: a key that was written meanwhile is exit code 5. All is one transaction where that fits, otherwise batches that stop at the first conflict and say where. Keys with a lease, now or then, are left out and listed. Needs a backend that keeps history, such as etcd v3.',
    )
    .argument('[key]', 'the key')
    .option('--prefix <prefix>', 'all keys that begin with this, instead of one key')
    .option('--all', 'every key of the store')
    .requiredOption('--to <revision>', 'the revision to go back to', whole('--to'))
    .option('-y, --yes', 'change without a question')
    .option('--dry-run', 'only show what would be changed')
    .addHelpText(
      'after',
      `
Examples:
  holdfast log /app/limits
  holdfast rollback /app/limits --to 4711
  holdfast rollback --prefix /app/ --to 4711 --dry-run
  holdfast rollback --prefix /app/ --to 4711 --yes
`,
    )
    .action((key: string | undefined, flags: Flags) => {
      const range = keyOrPrefix(key, flags, 'put back');
      return session.withStore(async (open) => {
        await carryOut(session, open, await plan(session, open, range, flags.to), flags);
      });
    });
}

async function plan(session: Session, open: OpenStore, range: KeyOrPrefix, to: number): Promise<ChangeSet> {
  const { store, label } = open;
  const past = await readState(session, store, range, { revision: to });
  const now = await readState(session, store, range);
  if ('key' in range && past.entries.size + now.entries.size === 0) throw noKey(range.key, label);
  const wanted = new Map<string, Uint8Array | undefined>();
  const leftOut: LeftOut[] = [...undecodable(past, now)];
  for (const key of new Set([...past.entries.keys(), ...now.entries.keys()])) {
    const then = past.entries.get(key);
    if (then !== undefined && isLeased(then) && !isEqual(then, now.entries.get(key))) {
      leftOut.push({ key, reason: `at revision ${to} ${leaseReason(then)}` });
    } else wanted.set(key, then?.value);
  }
  const set = changesBetween(wanted, now.entries);
  return { ...set, leftOut: [...leftOut, ...set.leftOut] };
}

function isEqual({ modRevision }: KeyValue, now: KeyValue | undefined): boolean {
  return now?.modRevision === modRevision;
}

function undecodable(past: State, now: State): LeftOut[] {
  const [then, is] = [past, now].map(({ rawKeys }) => new Map(rawKeys.map(({ key, revision }) => [key, revision])));
  return [...new Set([...(then?.keys() ?? []), ...(is?.keys() ?? [])])]
    .filter((key) => then?.get(key) !== is?.get(key))
    .map((key) => ({ key, reason: 'it is not UTF-8' }));
}
