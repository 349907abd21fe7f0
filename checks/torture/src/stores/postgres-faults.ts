import { eventually, type Random } from '@holdfast/testkit';
import { Client } from 'pg';
import { NotInjected, type Injection } from '../fault.js';
import { blackHole, cut, cutAfterBytes, type LinkedWorld } from '../faults/connection.js';
import { linger } from '../faults/members.js';
import { PREFIX } from '../world.js';
import { compaction } from './compaction.js';
import type { PostgresPlace } from './postgres-place.js';
import type { StoreFault } from './store-fault.js';
import type { StoreWorld } from './store-world.js';

type World = StoreWorld<PostgresPlace>;
type PostgresFault = StoreFault<World>;

const PATIENCE_MS = 20_000;
const isPostgres: PostgresFault['appliesTo'] = (cell) => cell.startsWith('postgres/');
const isDirect: PostgresFault['appliesTo'] = (cell) => isPostgres(cell) && !cell.endsWith('/pooled');

/** @throws NotInjected if the server goes on answering */
async function expectNoAnswer({ outside, place }: World): Promise<void> {
  const { url } = place.server;
  const answer = await outside.held(PREFIX, { endpoint: url, timeoutMs: 500 }).catch(() => undefined);
  if (answer !== undefined) throw new NotInjected('the server answers');
}

/** All processes of the server are killed at once, and it is started again on its data. */
const kill: PostgresFault = {
  kind: 'kill',
  appliesTo: isPostgres,
  async inject(world, random) {
    const { server } = world.place;
    await server.kill();
    await expectNoAnswer(world);
    const ms = await linger(random, 0, 1_000);
    return { heal: () => server.start(), details: { ms } };
  },
};

/** The server is stopped, in order or at once, and started again. */
const restart: PostgresFault = {
  kind: 'restart',
  appliesTo: isPostgres,
  async inject(world, random) {
    const { server } = world.place;
    const mode = random.pick(['fast', 'immediate'] as const);
    await server.stop(mode);
    await expectNoAnswer(world);
    const ms = await linger(random, 0, 1_000);
    return { heal: () => server.start(), details: { mode, ms } };
  },
};

/**
 * One process of the server is killed, so that it ends all others and recovers; or an administrator ends all connections of the stores. The
 * server is not started anew.
 */
const crash: PostgresFault = {
  kind: 'crash',
  appliesTo: isPostgres,
  async inject({ place }, random) {
    const how = random.pick(['crash', 'terminated'] as const);
    const ended = await withClient(place.server.url, async (client) => {
      const stores = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
      if (how === 'terminated') return (await client.query(`SELECT pg_terminate_backend(pid) ${stores}`)).rows.length;
      const { rows } = await client.query<{ pid: number }>(`SELECT pid ${stores}`);
      const [first, ...others] = rows;
      if (first === undefined) return 0;
      place.server.crash(random.pick([first, ...others]).pid);
      return rows.length;
    });
    if (ended === 0) throw new NotInjected('there is no connection');
    return { heal: () => Promise.resolve(), details: { how, connections: ended } };
  },
};

/** Faults of the connection that the campaign of etcd has, too. */
const onTheWire: readonly PostgresFault[] = [cut, cutAfterBytes, blackHole].map((fault) => ({
  kind: fault.kind,
  appliesTo: isPostgres,
  inject: (world, random) => fault.inject(linked(world), random),
}));

function linked({ place, mirrors, direct }: World): LinkedWorld {
  return { proxies: [place.proxy], mirrors, direct };
}

/** Every byte comes late, in one direction or in both. */
const delay: PostgresFault = {
  kind: 'delay',
  appliesTo: isPostgres,
  async inject({ place, outside, proxies }, random) {
    const ms = random.between(50, 300);
    const direction = random.pick(['toClient', 'toServer', undefined] as const);
    place.proxy.delay(ms, direction);
    const heal = (): Promise<void> => {
      place.proxy.delay(0);
      return Promise.resolve();
    };
    const began = performance.now();
    const [way] = proxies;
    await outside.held('/none/', { endpoint: way?.endpoint ?? '', timeoutMs: PATIENCE_MS });
    if (performance.now() - began < ms) {
      await heal();
      throw new NotInjected('a read was faster than the delay');
    }
    return { heal, details: { ms, direction: direction ?? 'both', lasted: await linger(random, 300, 1_500) } };
  },
};

/** kill -9 of the pooler, and its restart. */
const poolerKill: PostgresFault = {
  kind: 'pooler-kill',
  appliesTo: (cell) => cell.endsWith('/pooled'),
  async inject({ place, outside, proxies }, random) {
    const { pooler } = place;
    if (pooler === undefined) throw new Error('there is no pooler');
    await pooler.kill();
    const [way] = proxies;
    const answer = await outside.held(PREFIX, { endpoint: way?.endpoint ?? '', timeoutMs: 500 }).catch(() => undefined);
    if (answer !== undefined) throw new NotInjected('the pooler answers');
    const ms = await linger(random, 0, 1_000);
    return { heal: () => pooler.start(), details: { ms } };
  },
};

/** Another application has a transaction open, with a snapshot and a number of its own, until all is checked. */
const longTransaction: PostgresFault = {
  kind: 'long-transaction',
  appliesTo: isPostgres,
  async inject({ place }, random) {
    const client = new Client({ connectionString: place.server.url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('CREATE TABLE IF NOT EXISTS application (n int)');
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO application VALUES (1)');
    const { rows } = await client.query<{ held: boolean }>(
      'SELECT backend_xmin IS NOT NULL AND backend_xid IS NOT NULL AS held FROM pg_stat_activity WHERE pid = pg_backend_pid()',
    );
    if (rows[0]?.held !== true) {
      await client.end();
      throw new NotInjected('the transaction holds nothing back');
    }
    const ms = await linger(random, 300, 1_500);
    const isCommitted = random.chance(0.5);
    return {
      heal: () => Promise.resolve(),
      cleanUp: async () => {
        await client.query(isCommitted ? 'COMMIT' : 'ROLLBACK');
        await client.end();
      },
      details: { ms, isCommitted },
    };
  },
};

/** A standby that lacks the last commits takes over. */
const failover: PostgresFault = {
  kind: 'failover',
  appliesTo: isDirect,
  async inject(world, random) {
    const { place } = world;
    const { server } = place;
    // It does not follow: what is written from now on, it never sees.
    const standby = await server.standby({ follows: false });
    return replaceHistory(world, random, async () => {
      await server.kill();
      await standby.promote();
      place.moveTo(standby);
    });
  },
};

/** The rows of a dump come back in new tables, without what was written since. */
const restore: PostgresFault = {
  kind: 'restore',
  appliesTo: isPostgres,
  async inject(world, random) {
    const { url } = world.place.server;
    await run(url, ['DROP SCHEMA IF EXISTS dump CASCADE', 'CREATE SCHEMA dump', ...each(dumped)]);
    return replaceHistory(world, random, async () => {
      // The store that reads them may lock them in another order.
      await eventually(() => run(url, each(restored)), { timeoutMs: PATIENCE_MS });
    });
  },
};

const dumped = (table: string) => [`CREATE TABLE dump.${table} AS TABLE holdfast.${table}`];

const restored = (table: string) => [
  `ALTER TABLE holdfast.${table} RENAME TO gone`,
  `CREATE ${table === 'checked' ? 'UNLOGGED' : ''} TABLE holdfast.${table} (LIKE holdfast.gone INCLUDING ALL)`,
  `INSERT INTO holdfast.${table} TABLE dump.${table}`,
  'DROP TABLE holdfast.gone',
];

function each(statements: (table: string) => readonly string[]): readonly string[] {
  return ['store', 'versions', 'leases', 'marks', 'checked'].flatMap(statements);
}

/** In one transaction, of one snapshot. */
function run(url: string, statements: readonly string[]): Promise<unknown> {
  return withClient(url, (client) =>
    client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; ${statements.join('; ')}; COMMIT`),
  );
}

/** What is written from now on is lost. */
async function replaceHistory(
  { writers, truth, direct }: World,
  random: Random,
  replace: () => Promise<void>,
): Promise<Injection> {
  const copied = (await eventually(() => direct.put(`${PREFIX}copied`, '1'), { timeoutMs: PATIENCE_MS })).revision;
  const ms = await linger(random, 300, 1_000);
  await writers.pause();
  try {
    await eventually(() => truth.catchUp(), { timeoutMs: PATIENCE_MS });
    await replace();
    // It is served: the store has looked at it.
    const { revision } = await eventually(() => direct.status(), { timeoutMs: PATIENCE_MS });
    if (revision <= copied + 2 ** 31)
      throw new Error(`revision ${revision} follows ${copied} of the history that was lost`);
    await truth.begin();
  } finally {
    writers.resume();
  }
  return { heal: () => Promise.resolve(), replacesHistory: true, bound: 'relist', details: { ms } };
}

export const postgresFaults: readonly PostgresFault[] = [
  kill,
  restart,
  crash,
  ...onTheWire,
  delay,
  poolerKill,
  longTransaction,
  failover,
  restore,
  compaction(isPostgres, async ({ place }: World, random: Random): Promise<Pick<Injection, 'heal'>> => {
    place.proxy.refuse();
    place.proxy.cut();
    await linger(random, 200, 1_000);
    return { heal: () => place.proxy.allow() };
  }),
];

async function withClient<T>(connectionString: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    client.end().catch(() => undefined);
  }
}
