import type { Command } from 'commander';
import { migrate, replicate } from '@holdfast/core/replicate';
import { addMovingFlags, type MovingFlags, movingOptions } from '../moving/moving-flags.js';
import { MovingStates } from '../moving/moving-states.js';
import { conflictsText, planText } from '../moving/plan-text.js';
import type { Session } from '../session.js';
import { count, inline } from '../text/inline.js';

interface Flags extends MovingFlags {
  readonly once?: true;
}

export function addReplicate(program: Command, session: Session): void {
  addMovingFlags(
    program
      .command('replicate')
      .summary('keep a copy of a prefix in another store, and follow')
      .description(
        'Carries all keys that begin with a prefix over to another store, of whatever kind, and follows until Ctrl-C. It shows first what changes, and in which store; a terminal asks; without one, --yes is needed. A record in the target says how far it came: run it again after any end, and it goes on. Only keys that it wrote itself are overwritten or deleted. A conflict is exit code 5.',
      )
      .argument('[prefix]', 'the beginning of the keys'),
  )
    .option('--once', 'end when everything that is there now was carried over')
    .option('-y, --yes', 'begin without a question')
    .option('--dry-run', 'only show what would be changed')
    .addHelpText(
      'after',
      `
Examples:
  holdfast replicate /app/ --store etcd-v2://old:2379 --target etcd-v3://new:2379 --dry-run
  holdfast replicate /app/ --store etcd-v2://old:2379 --target etcd-v3://new:2379 --yes
`,
    )
    .action((prefix: string | undefined, flags: Flags) => {
      const options = movingOptions(session, prefix, flags);
      return session.withStores(flags.target, async (from, to) => {
        const plan = await migrate(from.store, to.store, options).plan();
        const text = planText(plan, from.label, to.label);
        if (flags.dryRun) {
          await session.out.line(session.json ? JSON.stringify({ dryRun: true, ...plan }) : text);
          return;
        }
        await session.remark(text, { willChange: { from: from.label, to: to.label, ...plan } });
        if (!(await session.confirm('Begin?', flags.yes))) return;
        const states = new MovingStates(session);
        const replication = await replicate(from.store, to.store, { ...options, onState: states.state }).finally(() => {
          states.stop();
        });
        const ended = new Promise<Error | undefined>((resolve) => {
          replication.on('state', (state) => {
            if (state.status === 'stopped') resolve(state.error);
            else if (state.status === 'closed') resolve(undefined);
          });
        });
        replication.on('conflict', ({ message, ...conflict }) => {
          void session.remark(`Conflict: ${inline(message)}`, { conflict: { ...conflict, message } });
        });
        try {
          if (flags.once) await replication.sync({ signal: session.signal });
          const conflicts = replication.conflicts();
          if (conflicts.length > 0 && !session.json) await session.note(conflictsText(conflicts));
          await session.out.line(
            session.json
              ? JSON.stringify({ bookmark: replication.bookmark, keys: plan.source.keys, conflicts })
              : `Copied ${count(plan.source.keys, 'key')} up to revision ${replication.bookmark.revision}${flags.once ? '.' : '; following. Ctrl-C ends it.'}`,
          );
          if (flags.once) return;
          const error = session.signal.aborted ? undefined : await ended;
          if (error !== undefined) throw error;
        } finally {
          await replication.close();
        }
      });
    });
}
