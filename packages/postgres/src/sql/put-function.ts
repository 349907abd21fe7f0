import { bytes } from './literals.js';
import { selectMeta } from './meta.js';
import type { Tables } from './tables.js';

// cspell:ignore seqscan

/**
 * The function that puts one key, with the store's lock, which its transaction holds from then on. The server plans each of its statements once a
 * session, and not with each put: that takes longer than all the rest. It runs as READ COMMITTED, where each of them sees what was committed before
 * it began. It puts nothing where the server is to be checked first, or a lease has expired.
 *
 * Sequential scans are off, since a plan that was made for a small table stays in use while it grows.
 */
export function createPut(t: Tables): string {
  return `
CREATE FUNCTION ${t.put} (put_key bytea, put_value bytea)
RETURNS TABLE (epoch uuid, head bigint, compacted bigint, is_checked boolean, next_expiry_ms bigint, is_put boolean)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $put$
#variable_conflict use_column
DECLARE
  meta record;
  newest record;
BEGIN
  LOCK TABLE ${t.writeLock} IN EXCLUSIVE MODE;
  SELECT m.* INTO STRICT meta FROM (${selectMeta(t)}) m (epoch, head, compacted, is_checked, next_expiry_ms);
  epoch := meta.epoch;
  head := meta.head;
  compacted := meta.compacted;
  is_checked := meta.is_checked;
  next_expiry_ms := meta.next_expiry_ms;
  is_put := meta.is_checked AND coalesce(meta.next_expiry_ms > 0, true);
  IF is_put THEN
    SELECT n.revision, n.position, n.create_revision, n.version INTO newest
    FROM ${t.versions} n WHERE n.key = put_key ORDER BY n.revision DESC LIMIT 1;
    INSERT INTO ${t.versions} (key, revision, position, create_revision, version, lease, previous_revision, next_revision, value)
    VALUES (put_key, meta.head + 1, 0, CASE WHEN newest.version > 0 THEN newest.create_revision ELSE meta.head + 1 END,
      coalesce(newest.version, 0) + 1, NULL, newest.revision, NULL, put_value);
    UPDATE ${t.versions} v SET next_revision = meta.head + 1 WHERE v.revision = newest.revision AND v.position = newest.position;
  END IF;
  RETURN NEXT;
END $put$;`;
}

/** Calls it. Gives the columns of the store's state, and whether the key was put. */
export function callPut(t: Tables, key: Uint8Array, value: Uint8Array): string {
  return `SELECT * FROM ${t.put}(${bytes(key)}, ${bytes(value)})`;
}
