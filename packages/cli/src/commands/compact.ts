import type { Command } from 'commander';
import type { Session } from '../session.js';
import { whole } from '../store/store-flags.js';

interface Flags {
  readonly physical?: true;
  readonly yes?: true;
  readonly dryRun?: true;
}

export function addCompact(program: Command, session: Session): void {
  program
    .command('compact')
    .summary('forget the history before a revision')
    .description(
      'Forgets the history before a revision, for every user of the store: past states can no longer be read, and watches that are behind must read again. The present keys stay. A terminal asks; without one, --yes is needed.',
    )
    .argument('<revision>', 'the oldest revision that can still be read afterwards', whole('REVISION'))
    .option('--physical', 'return only when the space is free')
    .option('-y, --yes', 'compact without a question')
    .option('--dry-run', 'only show what would be forgotten')
    .addHelpText(
      'after',
      `
Examples:
  holdfast compact 4711
  holdfast compact "$(holdfast status --json | jq .revision)" --yes
`,
    )
    .action((revision: number, flags: Flags) =>
      session.withStore(async ({ store, label }) => {
        const { signal, json } = session;
        const head = await store.status({ signal });
        const what = `the history of ${label} before revision ${revision}; its head is ${head.revision}`;
        if (flags.dryRun) {
          if (json)
            await session.out.line(JSON.stringify({ dryRun: true, store: label, revision, head: head.revision }));
          else await session.out.line(`Would forget ${what}.`);
          return;
        }
        await session.remark(`This forgets ${what}.`, { willForget: { store: label, revision, head: head.revision } });
        if (!(await session.confirm('Forget it?', flags.yes))) return;
        await store.compact(revision, { signal, ...(flags.physical && { physical: true }) });
        await session.out.line(json ? JSON.stringify({ compactRevision: revision }) : `Forgot ${what}.`);
      }),
    );
}
