import { StoreError, type Revision, type WatchEvent } from '@holdfast/store';
import { textOf } from '@holdfast/store/adapter';
import type { Changes, Head } from './changes.js';

// Mistakes of adapters, each named with what to do. Without that, a watch would lose events, and nobody would know why.

/** @throws StoreError `internal` */
export function checkHead({ identity, revision }: Head): void {
  if (typeof identity !== 'string' || identity === '')
    throw mistake('head() must give the identity of the history, a non-empty string');
  checkRevision(revision, 'the revision that head() gives');
}

/**
 * Checks what is compared with the watch's bookmark, before it is.
 *
 * @throws StoreError `internal`
 */
export function checkSnapshot({ identity, head, compacted }: Changes): void {
  if (typeof identity !== 'string' || identity === '') {
    throw mistake('changesSince() must give the identity of the history, a non-empty string');
  }
  checkRevision(head, 'the head that changesSince() gives');
  if (compacted !== undefined && !(compacted <= head)) {
    throw mistake(`changesSince() says that revision ${compacted} is compacted, past the head ${head}`);
  }
}

/** @throws StoreError `internal` */
export function checkEvents(after: number, { head, events, upTo = head }: Changes): void {
  if (!(upTo <= head) || (upTo <= after && head > after)) {
    throw mistake(
      `changesSince(${after}) gives upTo ${upTo}: it must be after ${after}, and not past the head ${head}`,
    );
  }
  let last = 0;
  for (const event of events) {
    const { revision } = event;
    checkRevision(revision, `the revision of ${describe(event)}`);
    if (revision < last) {
      throw mistake(
        `changesSince() gives ${describe(event)} after an event of revision ${last}; sort the events by revision`,
      );
    }
    if (revision > head) {
      throw mistake(
        `changesSince() gives ${describe(event)}, past the head ${head}; read the head and the events in one snapshot`,
      );
    }
    if (event.type === 'put' && event.current.modRevision !== revision) {
      throw mistake(
        `${describe(event)} has an entry with modRevision ${event.current.modRevision}; both are the revision of the write`,
      );
    }
    last = revision;
  }
}

function checkRevision(revision: Revision, what: string): void {
  if (!Number.isSafeInteger(revision) || revision < 1) {
    throw mistake(`${what} must be a positive whole number, not ${textOf(revision)}`);
  }
}

/** The error that names a mistake of an adapter. */
export function mistake(what: string): StoreError {
  return new StoreError('internal', `the adapter has a mistake: ${what}`);
}

function describe(event: WatchEvent): string {
  const key = event.type === 'put' ? event.current.key : event.type === 'delete' ? event.key : 'a range';
  return `the ${event.type} of ${key} at revision ${textOf(event.revision)}`;
}
