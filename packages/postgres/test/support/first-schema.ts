/** The tables as the first version of the package made them, without any function, and with one key in them. */
export function firstSchema(schema: string): string {
  return `BEGIN;
CREATE SCHEMA ${schema};
CREATE TABLE ${schema}.store (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), format integer NOT NULL, epoch uuid NOT NULL, base bigint NOT NULL,
  compacted bigint NOT NULL, reclaimed bigint NOT NULL, system text NOT NULL, timeline text NOT NULL, database text NOT NULL, relation text NOT NULL
);
CREATE TABLE ${schema}.write_lock ();
CREATE UNLOGGED TABLE ${schema}.checked (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), started_at timestamptz NOT NULL, relation text NOT NULL
);
CREATE TABLE ${schema}.versions (
  key bytea NOT NULL, revision bigint NOT NULL, position integer NOT NULL, create_revision bigint NOT NULL, version bigint NOT NULL,
  lease bigint, previous_revision bigint, next_revision bigint, value bytea NOT NULL, PRIMARY KEY (revision, position)
);
CREATE UNIQUE INDEX versions_of_key ON ${schema}.versions (key, revision);
CREATE INDEX versions_present ON ${schema}.versions (key) WHERE next_revision IS NULL AND version > 0;
CREATE INDEX versions_of_lease ON ${schema}.versions (lease) WHERE lease IS NOT NULL AND next_revision IS NULL AND version > 0;
CREATE TABLE ${schema}.leases (id bigint PRIMARY KEY, ttl bigint NOT NULL, expires_at timestamptz NOT NULL) WITH (fillfactor = 50);
CREATE TABLE ${schema}.marks (revision bigint NOT NULL, noted_at timestamptz NOT NULL);
INSERT INTO ${schema}.store (format, epoch, base, compacted, reclaimed, system, timeline, database, relation)
SELECT 1, gen_random_uuid(), 1, 0, 0, (SELECT system_identifier::text FROM pg_control_system()),
  substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), (SELECT oid::text FROM pg_database WHERE datname = current_database()), '';
UPDATE ${schema}.store SET relation = tableoid::text;
INSERT INTO ${schema}.checked (started_at, relation) VALUES (pg_postmaster_start_time(), '');
UPDATE ${schema}.checked SET relation = tableoid::text;
INSERT INTO ${schema}.versions VALUES ('old', 2, 0, 2, 1, NULL, NULL, NULL, '1');
COMMIT`;
}
