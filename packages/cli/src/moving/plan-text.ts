import type { Conflict, MigrationPlan } from '@holdfast/core/replicate';
import { count, inline, quoted } from '../text/inline.js';

/** How many conflicts a person is shown. */
const SHOWN = 20;

/** What copying would change, in lines. */
export function planText(plan: MigrationPlan, source: string, target: string): string {
  const { writes, conflicts, foreign } = plan;
  const lines = [
    `From ${source}: ${count(plan.source.keys, 'key')}, ${count(plan.source.bytes, 'byte')}, ${plan.source.leased.toLocaleString('en')} with a time to live.`,
    `To ${target}: ${count(writes.create, 'key')} to create, ${writes.update.toLocaleString('en')} to update, ${writes.delete.toLocaleString('en')} to delete.`,
  ];
  if (foreign > 0)
    lines.push(
      `${count(foreign, 'other key')} of the target ${foreign === 1 ? 'stays' : 'stay'} as ${foreign === 1 ? 'it is' : 'they are'}.`,
    );
  if (conflicts.length > 0) lines.push(conflictsText(conflicts));
  return lines.join('\n');
}

export function conflictsText(conflicts: readonly Conflict[]): string {
  const shown = conflicts.slice(0, SHOWN).map(({ key, message }) => `\n  ${quoted(key)}: ${inline(message)}`);
  const more = conflicts.length > SHOWN ? `\n  … and ${conflicts.length - SHOWN} more` : '';
  return `${count(conflicts.length, 'conflict')}:${shown.join('')}${more}`;
}
