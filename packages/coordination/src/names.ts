import type { KeyValue, LeaseId } from '@holdfast/store';
import { invalidArgument, KeyRange, quoted, textOf } from '@holdfast/store/adapter';

// Go's `concurrency` package and etcdctl write `NAME/<lease id in hex>`. Ours have a unique part behind it, since one session may
// stand in a queue more than once.
const FORM = /^[0-9a-f]{1,16}(?:-[0-9a-z]+)?$/;

/**
 * Checks the name of a lock or an election.
 *
 * @throws StoreError `invalid-argument`, with what to write instead
 */
export function checkName(name: unknown, what: 'a lock' | 'an election'): string {
  if (typeof name !== 'string') throw invalidArgument(`the name of ${what} must be a string, not ${textOf(name)}`);
  if (name === '') throw invalidArgument(`the name of ${what} must not be empty; give one such as /locks/import`);
  if (name.endsWith('/')) {
    throw invalidArgument(
      `the name of ${what} must not end in a slash, since its keys are NAME/…: ${quoted(name)}; leave the slash out`,
    );
  }
  // Refuses lone surrogates.
  KeyRange.ofKey(name);
  return name;
}

/** What all keys of a queue begin with. */
export function queuePrefix(name: string): string {
  return `${name}/`;
}

/** The keys of one attempt to enter a queue. */
export interface Ticket {
  readonly key: string;
  /**
   * Says that the attempt was given up. It lies beside the queue and not in it: clients in Go wait for every older key below
   * `NAME/`, whatever it is.
   */
  readonly mark: string;
}

/** @param unique lower-case letters and digits, another one for each attempt of the lease */
export function ticketOf(name: string, lease: LeaseId, unique: string): Ticket {
  const id = `${BigInt(lease).toString(16)}-${unique}`;
  return { key: queuePrefix(name) + id, mark: `${name}.given-up-${id}` };
}

/** The keys that stand in the queue of a name, the oldest first. A name below another, such as `e/sub` below `e`, is not in its queue. */
export function candidates(name: string, items: readonly KeyValue[]): readonly KeyValue[] {
  const { length } = queuePrefix(name);
  return items.filter(({ key }) => FORM.test(key.slice(length))).sort((a, b) => a.createRevision - b.createRevision);
}

/** Whether a key below `NAME/` stands in the queue. */
export function isCandidate(name: string, key: string): boolean {
  return FORM.test(key.slice(queuePrefix(name).length));
}
