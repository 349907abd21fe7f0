import { Buffer } from 'node:buffer';
import type { Logger, StoreError } from '@holdfast/store';
import type { ResyncEvent } from './mirror-events.js';
import type { Problem } from './problem.js';
import type { MirrorState } from './state.js';

// What a mirror's operator reads. The text says all that matters: many loggers print nothing else.

/** One step may bring very many bad values: the first of them tell enough, and a log call takes time. */
const MOST_PROBLEMS = 100;

/** A mirror that gets stale is a warning, and so is the first failure of one that can't load. The rest is information. */
export function reportState(logger: Logger, state: MirrorState, previous: MirrorState): void {
  const cause = causeOf(state);
  const details = { state };
  if (state.status === previous.status) {
    const isNew = cause !== undefined && causeOf(previous) === undefined;
    if (state.status === 'loading' && isNew) logger.warn(`can't load yet${because(cause)}; it retries`, details);
    else if (state.status === 'stale' && isNew) logger.warn(`still stale (${state.reason})${because(cause)}`, details);
    else if (state.connection !== previous.connection) {
      logger.info(
        state.connection === 'connected'
          ? 'the store answers again'
          : `the connection to the store is interrupted${because(cause)}`,
        details,
      );
    }
    return;
  }
  switch (state.status) {
    case 'stale':
      logger.warn(`stale (${state.reason})${because(cause)}; it shows what it has, and retries`, details);
      return;
    case 'resyncing':
      logger.info(`reads everything again (${state.reason})${because(cause)}`, details);
      return;
    case 'live':
      logger.info(
        previous.status === 'loading' ? 'loaded, and live' : `live again, after it was ${previous.status}`,
        details,
      );
      return;
    default:
      logger.info(`${state.status}${because(cause)}`, details);
  }
}

export function reportResync(logger: Logger, event: ResyncEvent): void {
  const { reason, changed, bookmark } = event;
  logger.info(`resync done (${reason}): ${changed} keys differed, now at revision ${bookmark.revision}`, { ...event });
}

/** A warning for each new problem. */
export function reportProblems(logger: Logger, problems: readonly Problem[]): void {
  for (const problem of problems.slice(0, MOST_PROBLEMS)) reportProblem(logger, problem);
  const more = problems.length - MOST_PROBLEMS;
  if (more > 0) logger.warn(`${more} more values can't be shown; problems() lists them all`);
}

function reportProblem(logger: Logger, problem: Problem): void {
  const { key, rawKey, collection, reason, revision } = problem;
  const what = key === undefined ? `0x${Buffer.from(rawKey ?? []).toString('hex')}` : JSON.stringify(key);
  const where = collection === undefined ? '' : ` of ${collection}`;
  logger.warn(`the value of key ${what}${where} at revision ${revision} can't be shown: ${reason}`, { problem });
}

function causeOf(state: MirrorState): StoreError | undefined {
  return state.status === 'closed' ? state.error : state.cause;
}

function because(cause: StoreError | undefined): string {
  if (cause === undefined) return '';
  const { message, endpoint } = cause;
  return `: ${message}${endpoint === undefined || message.includes(endpoint) ? '' : ` (endpoint ${endpoint})`}`;
}
