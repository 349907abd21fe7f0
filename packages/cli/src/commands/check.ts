import type { Command } from 'commander';
import { EXIT } from '../exit/exit-code.js';
import { examine } from '../doctor/examine.js';
import type { Finding } from '../doctor/finding.js';
import type { Session } from '../session.js';
import { count, inline } from '../text/inline.js';

const MARK = { ok: 'ok', note: '--', problem: '!!' } as const;

export function addCheck(program: Command, session: Session): void {
  program
    .command('check')
    .summary('look for what is wrong with a store, and say what to change')
    .description(
      'Looks for what is wrong: endpoints that do not answer or belong to another store, versions, members, alarms, users, TLS and how long certificates are good, clocks, latency, how much history there is, and whether watches get through. It writes nothing to the store. Each line is a finding, and below it what to change. If something is to be changed, the exit code is 1.',
    )
    .argument('[prefix]', 'what the application reads; by default, every key')
    .addHelpText(
      'after',
      `
Examples:
  holdfast check
  holdfast check /app/ --user gateway --password-file secret
  holdfast check --json | jq -r '.checks[] | select(.level == "problem") | .text'
`,
    )
    .action(async (prefix = '') => {
      const address = await session.findStore();
      const checks: Finding[] = [];
      for await (const finding of examine(address, prefix as string, session)) {
        checks.push(finding);
        if (!session.json) await session.out.write(lines(session, finding));
      }
      const found = checks.filter(({ level }) => level === 'problem').length;
      if (found > 0) session.exitCode = EXIT.answer;
      if (session.json) await session.out.line(JSON.stringify({ store: address.label, found, checks }));
      else if (found === 0) await session.note(`Nothing is to be changed in ${address.label}.`);
      else await session.note(`Found ${count(found, 'problem')} in ${address.label}.`);
    });
}

function lines({ width, style }: Session, { check, level, text, next }: Finding): string {
  if (width === undefined) return `${[level, check, inline(text), inline(next ?? '')].join('\t').trimEnd()}\n`;
  const colour = { ok: style.green, note: style.dim, problem: style.red }[level];
  const advice = next === undefined ? '' : `${' '.repeat(13)}${style.bold(inline(next))}\n`;
  return `${colour(MARK[level])} ${check.padEnd(9)} ${inline(text)}\n${advice}`;
}
