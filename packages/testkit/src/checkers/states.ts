import type { History, WatchRecord } from '../history/history.js';
import { checkHistory } from './check-arguments.js';
import type { Violation } from './violation.js';
import { viewOf } from './watch-view.js';

/**
 * *Truthful*: the state of a watch agrees with its deliveries. The watch is ready only after it is live, follows from no earlier
 * than what it delivered, delivers nothing after `close()`, and ends with the error that its state names.
 */
export function checkStates(history: History): Violation[] {
  checkHistory(history, 'checkStates()');
  return history.watches.flatMap((record, index) => {
    const { name } = viewOf(record, index);
    return problemsOf(record).map((problem) => ({ guarantee: 'truthful', message: `${name} ${problem}` }));
  });
}

function problemsOf({ deliveries }: WatchRecord): string[] {
  const problems: string[] = [];
  let covered = 0;
  let wasLive = false;
  let closed: { readonly code: string | undefined } | undefined;
  for (const delivery of deliveries) {
    switch (delivery.type) {
      case 'state': {
        const { state } = delivery;
        if (closed !== undefined) problems.push(`said ${state.status} after it was closed`);
        if (state.status === 'live' && state.after.revision < covered) {
          problems.push(`said that it follows from ${state.after.revision} after a bookmark at ${covered}`);
        }
        if (state.status === 'connecting' && wasLive) problems.push('said connecting after it was live');
        wasLive ||= state.status === 'live';
        if (state.status === 'closed') closed = { code: state.error?.code };
        break;
      }
      case 'ready':
        if (!wasLive) problems.push('was ready before its state said live');
        break;
      case 'batch':
        // Batches that were queued before an error are still delivered. After close() nothing is.
        if (closed !== undefined && closed.code === undefined) problems.push('told a batch after it was closed');
        if (!wasLive) problems.push('told a batch before its state said live');
        covered = Math.max(covered, delivery.batch.bookmark.revision);
        break;
      case 'end':
        if (closed === undefined) problems.push('ended before its state said closed');
        else if (closed.code !== delivery.error?.code) {
          problems.push(
            `ended with ${delivery.error?.code ?? 'no error'}, and its state says ${closed.code ?? 'no error'}`,
          );
        }
        break;
      default:
        delivery satisfies never;
    }
  }
  return problems;
}
