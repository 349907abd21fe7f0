import { Argument, type Command } from 'commander';
import { migrate, type Migration, type Verification } from '@holdfast/core/replicate';
import { EXIT } from '../exit/exit-code.js';
import { addMovingFlags, type MovingFlags, movingOptions } from '../moving/moving-flags.js';
import { MovingStates } from '../moving/moving-states.js';
import { conflictsText, planText } from '../moving/plan-text.js';
import type { OpenStore, Session } from '../session.js';
import { seconds } from '../store/store-flags.js';
import { count, quoted } from '../text/inline.js';

interface Flags extends MovingFlags {
  readonly fenceKey?: string;
  readonly drain?: number;
}

type Step = 'plan' | 'copy' | 'verify' | 'cut-over' | 'retreat' | 'finish';

/** What a step does, for the question. */
const DOES: Readonly<Record<Exclude<Step, 'plan'>, string>> = {
  copy: 'This copies the keys to the target.',
  verify: 'This brings the target up to date, and compares every key.',
  'cut-over':
    'This fences the source, waits until nothing is under way there, and sets the times to live. Applications use the target afterwards.',
  retreat:
    'This makes the source the store to use again. After a cut over, what was written in the target since is carried back first.',
  finish: 'This removes the record and the fences. The keys stay in both stores.',
};

/** How many differences a person is shown. */
const SHOWN = 20;

export function addMigrate(program: Command, session: Session): void {
  addMovingFlags(
    program
      .command('migrate')
      .summary('move a prefix to another store, step by step, without stopping')
      .description(
        'Moves all keys that begin with a prefix to another store. Without a step it only plans: it says where the migration stands, what would be changed, and what to do next. The steps are copy, verify, cut-over, retreat and finish. Each one shows first what it does; a terminal asks; without one, --yes is needed. Each may be killed at any moment and run again. verify exits 1 where the stores differ.',
      )
      .argument('[prefix]', 'the beginning of the keys')
      .addArgument(
        new Argument('[step]', 'the step to take')
          .choices(['plan', 'copy', 'verify', 'cut-over', 'retreat', 'finish'])
          .default('plan'),
      ),
  )
    .option('--fence-key <key>', 'the key that stops the writes of applications which use fenced()')
    .option(
      '--drain <seconds>',
      'how long the source is followed after the fence: longer than any request; by default 60',
      seconds,
    )
    .option('-y, --yes', 'take the step without a question')
    .option('--dry-run', 'only show what the step would do')
    .addHelpText(
      'after',
      `
On etcd v2, and for writers that do not use fenced(), stop the writers or take their permission away before cut-over.

Examples:
  export HOLDFAST_STORE=etcd-v2://old:2379 HOLDFAST_TARGET=etcd-v3://new:2379
  holdfast migrate /app/
  holdfast migrate /app/ copy --yes
  holdfast migrate /app/ verify --yes
  holdfast migrate /app/ cut-over --yes
  holdfast migrate /app/ finish --yes
`,
    )
    .action((prefix: string | undefined, step: Step, flags: Flags) => {
      const { fenceKey, drain } = flags;
      const options = {
        ...movingOptions(session, prefix, flags),
        ...(fenceKey !== undefined && { fenceKey }),
        ...(drain !== undefined && { drainMs: Math.ceil(drain * 1_000) }),
      };
      return session.withStores(flags.target, async (from, to) => {
        const states = new MovingStates(session);
        const migration = migrate(from.store, to.store, { ...options, onState: states.state });
        try {
          await take(session, migration, step, { from, to, flags });
        } finally {
          states.stop();
          await migration.close();
        }
      });
    });
}

async function take(
  session: Session,
  migration: Migration,
  step: Step,
  { from, to, flags }: { readonly from: OpenStore; readonly to: OpenStore; readonly flags: Flags },
): Promise<void> {
  const { json } = session;
  const plan = await migration.plan();
  const text = planText(plan, from.label, to.label);
  const fence = plan.isFenceTight
    ? ''
    : '\nThe fence is not part of each write in this source: stop the writers before cut-over.';
  if (step === 'plan' || flags.dryRun) {
    const next = `The migration is at: ${plan.stage}. The next step: ${plan.next === 'cutOver' ? 'verify, then cut-over' : plan.next}.`;
    const does = step === 'plan' ? '' : `\n${DOES[step]}`;
    await session.out.line(json ? JSON.stringify({ dryRun: true, step, ...plan }) : `${text}\n${next}${fence}${does}`);
    return;
  }
  await session.remark(`${step === 'finish' ? '' : `${text}\n`}${DOES[step]}${step === 'cut-over' ? fence : ''}`, {
    willChange: { step, from: from.label, to: to.label, ...plan },
  });
  if (!(await session.confirm('Take this step?', flags.yes))) return;
  switch (step) {
    case 'copy': {
      const { bookmark, conflicts } = await migration.copy();
      if (conflicts.length > 0 && !json) await session.note(conflictsText(conflicts));
      await session.out.line(
        json
          ? JSON.stringify({ stage: 'copied', bookmark, conflicts })
          : `Copied up to revision ${bookmark.revision}. Run verify next.`,
      );
      return;
    }
    case 'verify': {
      const found = await migration.verify();
      if (!found.isEqual) session.exitCode = EXIT.answer;
      await session.out.line(json ? JSON.stringify(found) : verificationText(found));
      return;
    }
    case 'cut-over':
    case 'retreat': {
      const result = await (step === 'retreat' ? migration.retreat() : migration.cutOver());
      if (result.late.length > 0) {
        await session.remark(
          `${count(result.late.length, 'key')} changed after the fence, and were carried over: ${result.late.slice(0, SHOWN).map(quoted).join(', ')}`,
          { late: result.late },
        );
      }
      const use = step === 'retreat' ? from.label : to.label;
      await session.out.line(
        json ? JSON.stringify(result) : `Done: applications may use ${use} from now on. Run finish when they do.`,
      );
      return;
    }
    case 'finish':
      await migration.finish();
      await session.out.line(json ? JSON.stringify({ stage: 'none' }) : 'Finished: nothing of the migration is left.');
      return;
    default:
      step satisfies never;
  }
}

function verificationText({ isEqual, keys, differences }: Verification): string {
  if (isEqual) return `Equal: ${count(keys, 'key')} compared.`;
  const shown = differences.slice(0, SHOWN).map(({ key, reason }) => `\n  ${quoted(key)}: ${reason}`);
  const more = differences.length > SHOWN ? `\n  … and ${differences.length - SHOWN} more` : '';
  return `${differences.length} of ${count(keys, 'key')} differ:${shown.join('')}${more}`;
}
