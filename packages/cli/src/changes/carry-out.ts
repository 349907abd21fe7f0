import { isStoreError } from '@holdfast/store';
import type { OpenStore, Session } from '../session.js';
import { progressBar } from '../terminal/progress.js';
import { count } from '../text/inline.js';
import { applyChanges, type Applied } from './apply-changes.js';
import type { Change, ChangeSet } from './change.js';
import { changeJson, changeLine, changeLines, leftOutText, tally, tallyJson } from './change-text.js';

/** The options of every command that changes several keys. */
export interface CarryOutFlags {
  readonly yes?: true;
  readonly dryRun?: true;
}

/** How many changes a person is shown with their values before the question; the others by their keys. */
const WHOLE = 50;
const SHOWN = 1_000;

/**
 * Shows what is to be changed, how many keys, and in which store; asks; and makes just these changes. With `--dry-run` it only shows them,
 * on the standard output.
 *
 * @param check called when all is shown, before the question. What it throws ends the command, and nothing is changed.
 */
export async function carryOut(
  session: Session,
  open: OpenStore,
  set: ChangeSet,
  flags: CarryOutFlags,
  check: () => void | Promise<void> = () => undefined,
): Promise<void> {
  const { changes } = set;
  await tellLeftOut(session, set);
  if (flags.dryRun) {
    await showDryRun(session, open, set);
    await check();
    return;
  }
  if (changes.length > 0) await show(session, open, changes);
  await check();
  if (changes.length === 0) {
    await session.out.line(
      session.json
        ? JSON.stringify(tallyJson(set))
        : `There is nothing to change in ${open.label}: ${unchangedText(set)}.`,
    );
    return;
  }
  if (!(await session.confirm(`Change ${changes.length === 1 ? 'it' : 'them'}?`, flags.yes))) return;
  const { revision } = await applyTelling(session, open, changes);
  await session.out.line(
    session.json
      ? JSON.stringify({ revision, ...tallyJson(set) })
      : `Changed ${tally(changes)} in ${open.label} at revision ${revision}.`,
  );
}

/** Makes the changes. If it ends early, it is told how far they came. */
async function applyTelling(session: Session, open: OpenStore, changes: readonly Change[]): Promise<Applied> {
  const progress = progressBar(session.io, 'keys');
  let applied: Applied = { done: 0 };
  progress.update(0, changes.length);
  try {
    return await applyChanges(open.store, changes, {
      signal: session.signal,
      label: open.label,
      onProgress: (now) => {
        applied = now;
        progress.update(now.done);
      },
    });
  } catch (error) {
    progress.stop();
    const { done, revision } = applied;
    const isUnknown = isStoreError(error) && error.outcome === 'unknown';
    if (done > 0 || isUnknown) {
      const last = done === 0 ? '' : `, the last one at revision ${revision}`;
      const unknown = isUnknown ? ' The step behind them may have been made too.' : '';
      const next = changes[done]?.key;
      await session.remark(
        `${done} of ${count(changes.length, 'change')} were made${last}.${unknown} The first one that was not, or is not known to be: ${changeLine(changes[done] as Change)}`,
        { stopped: { done, of: changes.length, revision, next, mayBeApplied: isUnknown } },
      );
    }
    session.checkInterrupted();
    throw error;
  } finally {
    progress.stop();
  }
}

/** Tells which keys are left as they are, and why. */
async function tellLeftOut(session: Session, { leftOut }: ChangeSet): Promise<void> {
  if (leftOut.length > 0) await session.remark(leftOutText(leftOut), { leftOut });
}

async function show(session: Session, { label }: OpenStore, changes: readonly Change[]): Promise<void> {
  if (session.json) {
    const shown = changes.slice(0, SHOWN).map(changeJson);
    await session.note(JSON.stringify({ willChange: { store: label, count: changes.length, changes: shown } }));
    return;
  }
  const whole = changes.slice(0, WHOLE).flatMap((change) => changeLines(change, session.notesStyle));
  const keys = changes.slice(WHOLE, SHOWN).map(changeLine);
  const more = changes.length > SHOWN ? [`… and ${changes.length - SHOWN} more (--dry-run shows all of them)`] : [];
  const lines = [...whole, ...keys, ...more].map((line) => `\n  ${line}`);
  await session.note(`This changes ${tally(changes)} in ${label}:${lines.join('')}`);
}

async function showDryRun(session: Session, { label }: OpenStore, set: ChangeSet): Promise<void> {
  const { changes } = set;
  if (session.json) {
    await session.out.line(
      JSON.stringify({ dryRun: true, store: label, ...tallyJson(set), changes: changes.map(changeJson) }),
    );
    return;
  }
  if (changes.length === 0) await session.note(`Nothing would change in ${label}: ${unchangedText(set)}.`);
  else await session.note(`Would change ${tally(changes)} in ${label}:`);
  await writeChanges(session, changes);
}

/** Writes changes as a person reviews them. */
export async function writeChanges(session: Session, changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    await session.out.write(
      changeLines(change, session.style)
        .map((line) => `${line}\n`)
        .join(''),
    );
  }
}

export function unchangedText({ unchanged }: ChangeSet): string {
  return `${count(unchanged, 'key')} ${unchanged === 1 ? 'is' : 'are'} as wanted`;
}
