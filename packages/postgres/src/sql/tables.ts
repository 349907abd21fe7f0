import { createHash } from 'node:crypto';
import { identifier, plainText } from './literals.js';

/** The format of the tables. A package refuses those of a newer one. */
export const FORMAT = 1;

const PUT = 'put_2';

/** The names of a store's tables, quoted, and of what else belongs to its schema. */
export interface Tables {
  /** The schema's name as it was given. */
  readonly name: string;
  readonly schema: string;
  /** One row: the history's identity, and what was compacted. */
  readonly store: string;
  /** Empty. Its lock is the store's. */
  readonly writeLock: string;
  /** Unlogged, so that a crash and a promotion empty it: its row says that the server was checked since then. */
  readonly checked: string;
  /** Every version of every key. */
  readonly versions: string;
  readonly leases: string;
  /** When which revision was the head, so that history can be forgotten by age. */
  readonly marks: string;
  /** The function that puts keys. Another form of it gets another name: processes of several versions share the tables. */
  readonly put: string;
  readonly putName: string;
  /** The channel of notifications. */
  readonly channel: string;
  /** The lock of migrations, two numbers as text. */
  readonly migrationLock: string;
}

export function tablesOf(name: string): Tables {
  const schema = identifier(name);
  const digest = createHash('sha256').update(name).digest();
  return {
    name,
    schema,
    store: `${schema}.store`,
    writeLock: `${schema}.write_lock`,
    checked: `${schema}.checked`,
    versions: `${schema}.versions`,
    leases: `${schema}.leases`,
    marks: `${schema}.marks`,
    put: `${schema}.${PUT}`,
    putName: PUT,
    channel: `holdfast_${digest.toString('hex', 0, 16)}`,
    migrationLock: `1214606436, ${digest.readInt32BE(0)}`,
  };
}

/** Which server this is: what changes when another one takes its place. As columns: system, timeline, database. */
export const SERVER = `(SELECT system_identifier::text FROM pg_catalog.pg_control_system()),
  substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8),
  (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = current_database())`;

/** Where the server does not let its role see that. */
export const UNKNOWN_SERVER = `'', '', (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = current_database())`;

/** Creates everything. Runs in the transaction of a migration. */
export function createTables(t: Tables, server: string): string {
  return `
CREATE TABLE ${t.store} (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  format integer NOT NULL,
  epoch uuid NOT NULL,
  base bigint NOT NULL,
  compacted bigint NOT NULL,
  reclaimed bigint NOT NULL,
  system text NOT NULL,
  timeline text NOT NULL,
  database text NOT NULL,
  relation text NOT NULL
);
CREATE TABLE ${t.writeLock} ();
CREATE UNLOGGED TABLE ${t.checked} (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  started_at timestamptz NOT NULL,
  relation text NOT NULL
);
CREATE TABLE ${t.versions} (
  key bytea NOT NULL,
  revision bigint NOT NULL,
  position integer NOT NULL,
  create_revision bigint NOT NULL,
  version bigint NOT NULL,
  lease bigint,
  previous_revision bigint,
  next_revision bigint,
  value bytea NOT NULL,
  PRIMARY KEY (revision, position)
);
CREATE UNIQUE INDEX versions_of_key ON ${t.versions} (key, revision);
CREATE INDEX versions_present ON ${t.versions} (key) WHERE next_revision IS NULL AND version > 0;
CREATE INDEX versions_of_lease ON ${t.versions} (lease) WHERE lease IS NOT NULL AND next_revision IS NULL AND version > 0;
CREATE TABLE ${t.leases} (
  id bigint PRIMARY KEY,
  ttl bigint NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE ${t.marks} (
  revision bigint NOT NULL,
  noted_at timestamptz NOT NULL
);
INSERT INTO ${t.store} (format, epoch, base, compacted, reclaimed, system, timeline, database, relation)
SELECT ${FORMAT}, gen_random_uuid(), 1, 0, 0, ${server}, ${plainText('')};
UPDATE ${t.store} SET relation = tableoid::text;`;
}
