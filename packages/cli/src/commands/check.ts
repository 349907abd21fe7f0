import { resolve } from 'node:path';
import type { Command } from 'commander';
import { usage } from '../exit/command-error.js';
import { EXIT } from '../exit/exit-code.js';
import { examine } from '../doctor/examine.js';
import type { Finding } from '../doctor/finding.js';
import { snapshotFindings } from '../doctor/snapshot.js';
import type { Session } from '../session.js';
import { readSnapshotFile } from '../store/snapshot-file.js';
import { count, hanging, inline } from '../text/inline.js';

interface Flags {
  readonly snapshot?: string;
}

/** Where the text of a finding begins, in columns. */
const INDENT = 13;

const MARK = { ok: 'ok', note: '--', problem: '!!' } as const;

export function addCheck(program: Command, session: Session): void {
  program
    .command('check')
    .summary('look for what is wrong with a store, and say what to change')
    .description(
      'Looks for what is wrong: endpoints that do not answer or belong to another store, versions, members, alarms, users, TLS and how long certificates are good, clocks, latency, how much history there is, and whether watches get through. It writes nothing to the store. Each line is a finding, and below it what to change. If something is to be changed, the exit code is 1.',
    )
    .argument('[prefix]', 'what the application reads; by default, every key')
    .option('--snapshot <file>', "look at a mirror's snapshot file, and not at a store")
    .addHelpText(
      'after',
      `
Examples:
  holdfast check
  holdfast check /app/ --user gateway --password-file secret
  holdfast check --snapshot /var/lib/app/config.snapshot
  holdfast check --json | jq -r '.checks[] | select(.level == "problem") | .text'
`,
    )
    .action(async (prefix: string | undefined, { snapshot }: Flags) => {
      if (snapshot === undefined) {
        const address = await session.findStore();
        await report(session, address.label, examine(address, prefix ?? '', session));
        return;
      }
      if (prefix !== undefined) {
        throw usage('a snapshot is of its own prefix', 'Leave out the prefix, or look at a store.');
      }
      const file = resolve(session.io.cwd, snapshot);
      const content = await readSnapshotFile(file);
      await report(session, snapshot, await snapshotFindings(file, content, Date.now()));
    });
}

/** Tells each finding as soon as it is known, and sets the exit code. */
async function report(
  session: Session,
  place: string,
  findings: AsyncIterable<Finding> | Iterable<Finding>,
): Promise<void> {
  const checks: Finding[] = [];
  for await (const finding of findings) {
    checks.push(finding);
    if (finding.level === 'problem') session.exitCode = EXIT.answer;
    if (!session.json) await session.out.write(lines(session, finding));
  }
  const found = checks.filter(({ level }) => level === 'problem').length;
  if (session.json) await session.out.line(JSON.stringify({ store: place, found, checks }));
  else if (found === 0) await session.note(`Found no problem in ${inline(place)}.`);
  else await session.note(`Found ${count(found, 'problem')} in ${inline(place)}.`);
}

function lines({ width, style }: Session, { check, level, text, next }: Finding): string {
  if (width === undefined) return `${[level, check, inline(text), inline(next ?? '')].join('\t').trimEnd()}\n`;
  const colour = { ok: style.green, note: style.dim, problem: style.red }[level];
  const advice = next === undefined ? '' : `${' '.repeat(INDENT)}${style.bold(hanging(inline(next), width, INDENT))}\n`;
  return `${colour(MARK[level])} ${check.padEnd(9)} ${hanging(inline(text), width, INDENT)}\n${advice}`;
}
