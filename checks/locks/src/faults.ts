/** What happens to a holder, or to one who is about to be one. */
export const FAULTS = [
  /** Its network falls silent, in both directions, and nobody is told. */
  'silent',
  /** Its process is suspended for twice the time of its lease: no timer, no byte. */
  'suspended',
  /** Its machine sleeps for as long: its monotonic clock stands still too. */
  'asleep',
  /** Its wall clock is set, an hour back and forth, and then its network falls silent. */
  'clock jumps',
  /** Somebody deletes its key. */
  'key deleted',
  /** Somebody revokes its lease. */
  'lease revoked',
  /** The answer to its acquiring write is lost. */
  'answer lost',
  /** Its acquiring write arrives when it has given up. */
  'write late',
] as const;

export type Fault = (typeof FAULTS)[number];

/** Those that end a lease by the passing of time alone. The holder must be told before the server may give the lock away. */
export const BY_TIME: ReadonlySet<Fault> = new Set(['silent', 'suspended', 'asleep', 'clock jumps']);
