import { etcdV3Store } from '@holdfast/etcd-v3';
import { postgresStore } from '@holdfast/postgres';
import type { ConfigStore } from '@holdfast/store';
import { startEtcd, startPostgres, type Etcd, type Postgres } from '@holdfast/testkit';
import { Client } from 'pg';
import type { Arena } from './arena.js';
import { sameNumbers } from './names.js';
import { patientClock } from './patient-clock.js';
import { Side } from './side.js';
import { ANY_KEYS, type Vocabulary } from './vocabulary.js';

/** Keys are at most so long: a longer one is refused by what the store declares, whatever else is wrong with the call. */
const fits = (text: string): boolean => Buffer.byteLength(text) <= 2_000;
const VOCABULARY = {
  ...ANY_KEYS,
  keys: ['a', ...ANY_KEYS.keys.slice(1).filter(fits)],
  prefixes: ['', ...ANY_KEYS.prefixes.slice(1).filter(fits)],
} as const satisfies Vocabulary;

/** PostgreSQL beside etcd's v3 API. Both stores count from the same revision, so that theirs are compared as they are. */
export class PostgresArena implements Arena {
  readonly kind = { vocabulary: VOCABULARY, ofOneKey: 0.1 };
  readonly memory: ConfigStore;
  readonly oldest = 1;
  readonly #etcd: Etcd;
  readonly #remote: ConfigStore;
  readonly #postgres: Postgres;

  static async start(version: string): Promise<PostgresArena> {
    return new PostgresArena(await startEtcd({ progressIntervalMs: 100 }), await startPostgres({ version }));
  }

  private constructor(etcd: Etcd, postgres: Postgres) {
    this.#etcd = etcd;
    this.#postgres = postgres;
    this.#remote = etcdV3Store({ endpoints: [...etcd.endpoints], clock: patientClock, watch: { progressMs: 100 } });
    this.memory = postgresStore({ connectionString: postgres.url, history: false, progressMs: 1 });
  }

  get name(): string {
    return `etcd ${this.#etcd.version}, beside PostgreSQL ${this.#postgres.version}`;
  }

  async begin(): Promise<{ readonly server: Side; readonly memory: Side }> {
    const both = [this.#remote, this.memory];
    for (const store of both) {
      for (const id of await store.leases.list()) await store.leases.revoke(id);
      await store.delete({ prefix: '' });
    }
    const heads = await Promise.all(both.map(async (store) => (await store.list({ prefix: '' })).bookmark.revision));
    const most = Math.max(...heads);
    for (const [index, store] of both.entries()) await advance(store, most - (heads[index] ?? 0));
    const head = (await this.memory.status()).revision;
    for (const store of both) await store.compact(head);
    const { capabilities } = this.#remote;
    const [server, memory] = await Promise.all(
      both.map(async (store) => new Side(store, sameNumbers((await store.status()).identity), capabilities)),
    );
    if (server === undefined || memory === undefined) throw new Error('there are two sides');
    return { server, memory };
  }

  async stepped(): Promise<void> {
    // Nothing is to be noted: they count alike.
  }

  async putRaw(key: Uint8Array, value: string): Promise<void> {
    await this.#etcd.put(key, value);
    const hex = (bytes: Uint8Array) => `decode('${Buffer.from(bytes).toString('hex')}', 'hex')`;
    const client = new Client({ connectionString: this.#postgres.url });
    await client.connect();
    await client.query(
      `BEGIN; LOCK TABLE holdfast.write_lock IN EXCLUSIVE MODE;
       WITH head AS (SELECT greatest(base, compacted, coalesce((SELECT max(revision) FROM holdfast.versions), 0)) + 1 AS revision FROM holdfast.store),
       before AS (UPDATE holdfast.versions SET next_revision = head.revision FROM head WHERE key = ${hex(key)} AND next_revision IS NULL RETURNING versions.*)
       INSERT INTO holdfast.versions (key, revision, position, create_revision, version, previous_revision, value)
       SELECT ${hex(key)}, head.revision, 0, CASE WHEN before.version > 0 THEN before.create_revision ELSE head.revision END, coalesce(before.version, 0) + 1, before.revision, ${hex(Buffer.from(value))}
       FROM head LEFT JOIN before ON true; COMMIT`,
    );
    await client.end();
  }

  mayBeTooLarge(): boolean {
    return false;
  }

  mayBeUnsupported(): boolean {
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remote.close();
    await this.memory.close();
    await this.#postgres.close();
    await this.#etcd.close();
  }
}

/** Moves a store's head, by one at least, and leaves no key behind. */
async function advance(store: ConfigStore, revisions: number): Promise<void> {
  for (let i = 0; i <= revisions; i += 1) await store.put('advance', String(i));
  await store.delete('advance');
}
