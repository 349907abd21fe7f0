import { checkOperations, checkStates, checkWatches, timelineOf } from '@holdfast/testkit';
import type { Parts } from './parts.js';
import type { Recording } from '../truth/recording.js';

/** Runs the checkers of recorded histories, if there was only one history. */
export async function judge(parts: Parts, { recorder: truly, recorded }: Recording): Promise<void> {
  const { plan, clock, truth, data, foreign, recorder, violations, stats } = parts;
  await clock.advance(200);
  await recorded.close();
  await truth.end();
  if (data.watcherCount > 0) violations.add('resources', `${data.watcherCount} watches are left in the store`);
  await foreign?.store.close();
  if (truth.epochs.length > 1) return;
  const [record] = truly.watches;
  if (record === undefined) return;
  const timeline = timelineOf(record);
  stats.operations = recorder.operations.length;
  violations.addFound([
    ...checkStates(recorder),
    // The deletion of a directory does not name its keys, so they can't be compared.
    ...(plan.backend === 'v2' ? [] : checkWatches(recorder, timeline)),
    ...checkOperations(recorder, timeline),
  ]);
}
