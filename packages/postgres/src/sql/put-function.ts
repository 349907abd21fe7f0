import { bytes, plainText } from './literals.js';
import { selectMeta } from './meta.js';
import type { Tables } from './tables.js';

// cspell:ignore nowait seqscan

/** The most milliseconds for which a put that commits in its own request waits for anything. */
const SHORT_MS = 1_000;

/**
 * The function that puts keys, with the store's lock, which its transaction holds from then on. The server plans each of its statements once a
 * session, and not with each put: that takes longer than all the rest. It runs as READ COMMITTED, where each of them sees what was committed before
 * it began. It puts nothing where the server is to be checked first, or a lease has expired. It returns the revision before the puts, or why
 * it put nothing: as one text, which costs less than columns.
 *
 * A transaction that commits in the same request must not wait: its caller could not take it back. So it puts nothing while others have the lock,
 * and sets those time-outs of the role that would end the transaction.
 *
 * Sequential scans are off, since a plan that was made for a small table stays in use while it grows.
 */
export function createPut(t: Tables): string {
  return `
CREATE OR REPLACE FUNCTION ${t.put} (put_keys bytea[], put_values bytea[], channel text, may_wait boolean)
RETURNS text LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $put$
#variable_conflict use_column
DECLARE
  meta record;
  newest record;
  put_revision bigint;
  ignored text;
BEGIN
  IF may_wait THEN
    LOCK TABLE ${t.writeLock} IN EXCLUSIVE MODE;
  ELSE
    ignored := set_config('lock_timeout', '${SHORT_MS}', true);
    ignored := set_config('statement_timeout', '60000', true);
    IF current_setting('synchronous_commit') = 'off' THEN ignored := set_config('synchronous_commit', 'on', true); END IF;
    IF current_setting('transaction_timeout', true) <> '0' THEN ignored := set_config('transaction_timeout', '0', true); END IF;
    BEGIN
      LOCK TABLE ${t.writeLock} IN EXCLUSIVE MODE NOWAIT;
    EXCEPTION WHEN lock_not_available THEN
      RETURN 'busy';
    END;
  END IF;
  SELECT m.* INTO STRICT meta FROM (${selectMeta(t)}) m (epoch, head, compacted, is_checked, next_expiry_ms);
  IF NOT meta.is_checked THEN RETURN 'unchecked'; END IF;
  IF meta.next_expiry_ms <= 0 THEN RETURN 'expired'; END IF;
  put_revision := meta.head;
  FOR i IN 1 .. cardinality(put_keys) LOOP
    put_revision := put_revision + 1;
    SELECT n.revision, n.position, n.create_revision, n.version INTO newest
    FROM ${t.versions} n WHERE n.key = put_keys[i] ORDER BY n.revision DESC LIMIT 1;
    INSERT INTO ${t.versions} (key, revision, position, create_revision, version, lease, previous_revision, next_revision, value)
    VALUES (put_keys[i], put_revision, 0, CASE WHEN newest.version > 0 THEN newest.create_revision ELSE put_revision END,
      coalesce(newest.version, 0) + 1, NULL, newest.revision, NULL, put_values[i]);
    UPDATE ${t.versions} v SET next_revision = put_revision WHERE v.revision = newest.revision AND v.position = newest.position;
  END LOOP;
  IF channel IS NOT NULL THEN PERFORM pg_notify(channel, put_revision::text); END IF;
  RETURN meta.head;
END $put$;`;
}

export interface Put {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface CallPutOptions {
  /** Whether others are told. */
  readonly ring: boolean;
  /** Whether it waits while others have the lock. */
  readonly waits: boolean;
}

/** Calls it: each put is at a revision of its own. */
export function callPut(t: Tables, puts: readonly Put[], { ring, waits }: CallPutOptions): string {
  const keys = puts.map(({ key }) => bytes(key)).join(',');
  const values = puts.map(({ value }) => bytes(value)).join(',');
  return `SELECT ${t.put}(ARRAY[${keys}],ARRAY[${values}],${ring ? plainText(t.channel) : 'NULL'},${waits})`;
}
