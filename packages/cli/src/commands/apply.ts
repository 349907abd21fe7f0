import { resolve } from 'node:path';
import type { Command } from 'commander';
import { carryOut, type CarryOutFlags } from '../changes/carry-out.js';
import { checkStorable } from '../changes/check-storable.js';
import { folderChanges, tellBeside, type FolderFlags } from '../changes/folder-changes.js';
import { parsePlan, plannedChanges, plannedValues } from '../changes/plan-file.js';
import { usage } from '../exit/command-error.js';
import type { OpenStore, Session } from '../session.js';
import { addCheckFlags, readChecks, refuseBadValues, type CheckFlags } from '../values/check-flags.js';
import type { ValueCheck } from '../values/value-check.js';
import { addFolderFlags } from './diff.js';

interface Flags extends FolderFlags, CheckFlags, CarryOutFlags {
  readonly plan?: string;
}

export function addApply(program: Command, session: Session): void {
  const command = program
    .command('apply')
    .summary('make the store as a folder, or a plan, says')
    .description(
      'Makes keys of the store as the files of a folder say. It shows first what changes, as "holdfast diff" does, how many keys, and in which store; a terminal asks; without one, --yes is needed. Nothing is deleted without --prune. Each change is guarded by what was shown: a key that was written meanwhile is exit code 5. All is one transaction where that fits, otherwise batches that stop at the first conflict and say where. A plan is applied exactly as it was saved: if the store has changed since, nothing is changed and the exit code is 5. Keys with a lease are left out and listed.',
    )
    .argument('[folder]', 'the folder, as "holdfast export --folder" writes it')
    .option('--plan <plan>', 'what "holdfast diff --out" has saved, instead of a folder')
    .option('-y, --yes', 'change without a question')
    .option('--dry-run', 'only show what would be changed');
  addFolderFlags(command);
  addCheckFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  holdfast apply ./app --prefix /app/
  holdfast apply ./app --prefix /app/ --prune --dry-run
  holdfast diff ./app --prefix /app/ --out app.plan; holdfast apply --plan app.plan --yes
`,
    )
    .action(async (folder: string | undefined, flags: Flags) => {
      const { plan } = flags;
      if ((folder === undefined) === (plan === undefined)) {
        const what = folder === undefined ? 'there is nothing to apply' : 'a folder is given, and a plan too';
        throw usage(what, 'Give a folder, or --plan PLAN.');
      }
      if (plan !== undefined && [flags.prefix, flags.all, flags.prune].some((flag) => flag !== undefined)) {
        throw usage('a plan says already below which prefix it is', 'Leave out --prefix, --all and --prune.');
      }
      const checks = await readChecks(session, flags);
      if (plan !== undefined) await applyPlan(session, plan, checks, flags);
      else if (folder !== undefined) {
        await session.withStore((open) => applyFolder(session, open, resolve(session.io.cwd, folder), checks, flags));
      }
    });
}

async function applyFolder(
  session: Session,
  open: OpenStore,
  folder: string,
  checks: readonly ValueCheck[],
  flags: Flags,
): Promise<void> {
  const found = await folderChanges(session, open, folder, flags);
  await tellBeside(session, found);
  await carryOut(session, open, found, flags, () => refuseBadValues(checks, found.values));
}

async function applyPlan(
  session: Session,
  file: string,
  checks: readonly ValueCheck[],
  flags: CarryOutFlags,
): Promise<void> {
  const plan = parsePlan(await session.readFile(file), file);
  const values = plannedValues(plan);
  await session.withStore(async (open) => {
    checkStorable(open.store, values);
    const changes = await plannedChanges(session, open, plan);
    await carryOut(session, open, changes, flags, () => refuseBadValues(checks, values));
  });
}
