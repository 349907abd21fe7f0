import { StoreError } from '@holdfast/store';
import { checkWhole } from '@holdfast/store/adapter';

/**
 * The longest time to live, in seconds: 136 years. etcd v2 counts the moment of expiry in nanoseconds since 1970, in 64 bits, which end in
 * 2262. It takes a longer time to live too, does not say so, and keeps the node for ever.
 */
const MOST_SECONDS = 2 ** 32 - 1;

/** @throws StoreError `invalid-argument`, before anything is sent. */
export function checkTtl(ttl: unknown): number {
  const seconds = checkWhole(ttl, 'ttl', 'seconds');
  if (seconds <= MOST_SECONDS) return seconds;
  throw new StoreError(
    'invalid-argument',
    `ttl must be at most ${MOST_SECONDS} seconds, not ${seconds}: etcd v2 forgets a longer one`,
    { outcome: 'not-applied' },
  );
}
