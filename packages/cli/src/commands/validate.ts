import { resolve } from 'node:path';
import type { Command } from 'commander';
import { readWanted } from '../changes/folder.js';
import { usage } from '../exit/command-error.js';
import { EXIT } from '../exit/exit-code.js';
import type { Session } from '../session.js';
import { prefixRange } from '../store/ranges.js';
import { readState } from '../store/read-state.js';
import { whole } from '../store/store-flags.js';
import { count, inline } from '../text/inline.js';
import { addCheckFlags, readChecks, type CheckFlags } from '../values/check-flags.js';
import { verdictOf, type Issue, type ValueCheck } from '../values/value-check.js';

interface Flags extends CheckFlags {
  readonly all?: true;
  readonly revision?: number;
  readonly folder?: string;
}

export function addValidate(program: Command, session: Session): void {
  const command = program
    .command('validate')
    .summary('check the values below a prefix by a schema')
    .description(
      "Checks values by JSON Schemas, or as an application's own mirror does. Without a prefix, it checks all keys that the schemas are about. Each bad value is a line: the key, and what is wrong. If there are any, the exit code is 1.",
    )
    .argument('[prefix]', 'only keys that begin with this')
    .option('--all', 'every key of the store')
    .option('--revision <revision>', 'the values at a past revision', whole('--revision'))
    .option('--folder <folder>', 'the files of a folder, instead of a store; the prefix is put before their keys');
  addCheckFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  holdfast validate --schema /app/routes/=route.schema.json
  holdfast validate /app/ --config ./gateway-config.mjs
  holdfast validate /app/ --folder ./app --config ./gateway-config.mjs
  holdfast validate --config ./gateway-config.mjs --json | jq -r .key
`,
    )
    .action(async (prefix: string | undefined, flags: Flags) => {
      const checks = await readChecks(session, flags);
      if (checks.length === 0) {
        throw usage('nothing says what the values have to be', 'Give --schema PREFIX=FILE, or --config FILE.');
      }
      if (flags.folder !== undefined) {
        const { values, warnings, leftOut } = await readWanted(resolve(session.io.cwd, flags.folder), prefix ?? '');
        for (const warning of warnings) await session.remark(`Doubtful: ${warning}`, { warning });
        const strange = new Set(leftOut.map(({ key }) => key));
        await tellVerdict(session, checks, values, { strange, place: inline(flags.folder) });
        return;
      }
      const ranges =
        prefix === undefined && flags.all === undefined
          ? checks.map(({ range }) => range)
          : [prefixRange(prefix, flags.all)];
      await session.withStore(async ({ store, label }) => {
        const entries = new Map<string, Uint8Array>();
        const strange = new Set<string>();
        for (const range of ranges) {
          const { revision } = flags;
          const state = await readState(session, store, range, revision === undefined ? {} : { revision });
          for (const [key, { value }] of state.entries) entries.set(key, value);
          for (const { key } of state.rawKeys) strange.add(key);
        }
        await tellVerdict(session, checks, entries, { strange, place: label });
      });
    });
}

/** Writes what is wrong, and sets the exit code. */
async function tellVerdict(
  session: Session,
  checks: readonly ValueCheck[],
  entries: ReadonlyMap<string, Uint8Array>,
  { strange, place }: { readonly strange: ReadonlySet<string>; readonly place: string },
): Promise<void> {
  const { issues, unchecked } = await verdictOf(checks, entries);
  const all: Issue[] = [...issues, ...[...strange].map((key) => ({ key, reason: 'the key is not UTF-8' }))];
  if (all.length > 0) session.exitCode = EXIT.answer;
  await session.out.write(all.map((issue) => `${issueText(session, issue)}\n`).join(''));
  if (session.json) return;
  const bad = new Set(all.map(({ key }) => key)).size;
  const beside = unchecked === 0 ? '' : ` No check is about ${count(unchecked, 'key')}.`;
  const checked = count(entries.size - unchecked + strange.size, 'key');
  await session.note(`${bad === 0 ? 'None' : bad} of ${checked} in ${place} ${bad > 1 ? 'are' : 'is'} bad.${beside}`);
}

function issueText({ json, width, style }: Session, issue: Issue): string {
  if (json) return JSON.stringify(issue);
  const [key, reason] = [inline(issue.key), inline(issue.reason)];
  return width === undefined ? `${key}\t${reason}` : `${style.bold(style.red(key))}\n    ${reason}`;
}
