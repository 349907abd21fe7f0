import { resolve } from 'node:path';
import type { Command } from 'commander';
import { changeJson, leftOutText, tally, tallyJson } from '../changes/change-text.js';
import { unchangedText, writeChanges } from '../changes/carry-out.js';
import { folderChanges, tellBeside, type FolderChanges, type FolderFlags } from '../changes/folder-changes.js';
import { savePlan } from '../changes/plan-file.js';
import { EXIT } from '../exit/exit-code.js';
import type { OpenStore, Session } from '../session.js';
import { count, inline } from '../text/inline.js';
import { addCheckFlags, issueLine, readChecks, type CheckFlags } from '../values/check-flags.js';
import { verdictOf, type Issue } from '../values/value-check.js';

interface Flags extends FolderFlags, CheckFlags {
  readonly out?: string;
}

/** Adds the options that say what a folder is about. */
export function addFolderFlags(command: Command): Command {
  return command
    .option('--prefix <prefix>', 'the keys of the folder are below this: routes/home.yaml is the key PREFIXroutes/home')
    .option('--all', 'the folder is about every key of the store')
    .option('--prune', 'also delete keys below --prefix that have no file')
    .option('--allow-empty', 'with --prune: a folder without files is meant so');
}

export function addDiff(program: Command, session: Session): void {
  const command = program
    .command('diff')
    .summary('show what "holdfast apply" would change')
    .description(
      'Compares a folder with the store: + is a key that would be created, ~ one that would get another value, - one that would be deleted (only with --prune). YAML and JSON files are compared by what they say, others by their bytes. Keys with a lease are left out and listed. If something differs, the exit code is 1.',
    )
    .argument('<folder>', 'the folder, as "holdfast export --folder" writes it')
    .option('--out <plan>', 'save what was seen, for "holdfast apply --plan"');
  addFolderFlags(command);
  addCheckFlags(command)
    .addHelpText(
      'after',
      `
routes/home.yaml (or .yml, .json, .txt, .bin) is the key routes/home. YAML is stored as JSON. A plan has the values in it.

Examples:
  holdfast diff ./app --prefix /app/
  holdfast diff ./app --prefix /app/ --prune --out app.plan && echo "nothing to do"
  holdfast diff ./app --prefix /app/ --schema /app/routes/=route.schema.json
`,
    )
    .action(async (folder: string, flags: Flags) => {
      const checks = await readChecks(session, flags);
      await session.withStore(async (open) => {
        const found = await folderChanges(session, open, resolve(session.io.cwd, folder), flags);
        const { issues } = await verdictOf(checks, found.values);
        if (found.changes.length > 0 || issues.length > 0) session.exitCode = EXIT.answer;
        // Before it is shown: a reader that has enough must not cost the plan.
        const file = flags.out === undefined ? undefined : resolve(session.io.cwd, flags.out);
        if (file !== undefined) await savePlan(session, file, open, found);
        await showDifferences(session, open, found, issues);
        if (file !== undefined) {
          await session.remark(`Saved the plan: holdfast apply --plan ${inline(flags.out ?? '')}`, { plan: file });
        }
      });
    });
}

async function showDifferences(
  session: Session,
  { label }: OpenStore,
  found: FolderChanges,
  issues: readonly Issue[],
): Promise<void> {
  const { changes, leftOut } = found;
  if (session.json) {
    const { values: _, beside, ...set } = found;
    await session.out.line(
      JSON.stringify({ store: label, ...tallyJson(set), beside, issues, changes: changes.map(changeJson) }),
    );
    return;
  }
  await writeChanges(session, changes);
  if (leftOut.length > 0) await session.note(leftOutText(leftOut));
  await tellBeside(session, found);
  if (issues.length > 0) {
    const lines = issues.map((issue) => `\n  ${issueLine(issue)}`);
    await session.note(`${count(issues.length, 'value')} would be bad:${lines.join('')}`);
  }
  await session.note(
    changes.length === 0
      ? `No difference to ${label}: ${unchangedText(found)}.`
      : `${label} differs: ${tally(changes)} would be changed.`,
  );
}
