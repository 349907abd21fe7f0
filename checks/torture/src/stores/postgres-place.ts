import { postgresStore } from '@holdfast/postgres';
import type { ConfigStore, Logger } from '@holdfast/store';
import { availablePostgres, startPostgres, startProxy, type Postgres, type Proxy } from '@holdfast/testkit';
import { storeSettings } from '../settings.js';
import type { TruthSource } from '../truth-source.js';
import { startPgbouncer, type Pooler } from './pgbouncer.js';
import { postgresLeases, postgresOutside, postgresSource } from './postgres-outside.js';
import type { StoreCell } from './store-cell.js';
import type { StorePlace } from './store-place.js';

/** A PostgreSQL server, perhaps with PgBouncer in front. */
export class PostgresPlace implements StorePlace {
  readonly proxies: readonly { readonly endpoint: string }[];
  readonly outside = postgresOutside(() => this.server.url);
  readonly store: ConfigStore;
  readonly direct: ConfigStore;
  /** In front of the store under test alone. */
  readonly proxy: Proxy;
  /** The primary. */
  server: Postgres;
  pooler: Pooler | undefined;
  readonly #aside: Proxy;
  readonly #owned: AsyncDisposable[] = [];

  static async start(cell: StoreCell, logger?: Logger): Promise<PostgresPlace> {
    const [, series, pooled] = cell.split('/');
    const version = availablePostgres().find((each) => each.version.split('.')[0] === series)?.version;
    const server = await startPostgres({ version, fsync: true });
    const pooler = pooled === undefined ? undefined : await startPgbouncer(server, 4);
    const target = `http://127.0.0.1:${pooler?.port ?? server.port}`;
    const [proxy, aside] = [await startProxy(target), await startProxy(`http://127.0.0.1:${server.port}`)];
    return new PostgresPlace(server, pooler, proxy, aside, logger);
  }

  private constructor(
    server: Postgres,
    pooler: Pooler | undefined,
    proxy: Proxy,
    aside: Proxy,
    logger: Logger | undefined,
  ) {
    this.server = server;
    this.pooler = pooler;
    this.proxy = proxy;
    this.#aside = aside;
    const { requestMs, connectMs } = storeSettings;
    const open = (port: number, options: object) =>
      postgresStore({
        connectionString: urlAt(port),
        pollMs: 250,
        // A pooler in transaction mode passes no notifications on.
        ...(pooler !== undefined && { listen: false as const }),
        ...(logger && { logger }),
        ...options,
      });
    this.store = open(proxy.port, { timeouts: { connectMs, requestMs } });
    // Faults act through it: on a busy machine they need its patience.
    this.direct = open(aside.port, {});
    this.proxies = [{ endpoint: urlAt(proxy.port) }];
  }

  source(above: string): TruthSource {
    return postgresSource(() => this.server.url, above);
  }

  leases(): Promise<ReadonlySet<string>> {
    return postgresLeases(this.server.url);
  }

  endpoints(): readonly string[] {
    return this.server.pid === undefined ? [] : [this.server.url];
  }

  /** Another server takes over. Connections to the old one end. */
  moveTo(server: Postgres): void {
    this.#owned.push(this.server);
    this.server = server;
    for (const proxy of [this.proxy, this.#aside]) {
      proxy.retarget(`http://127.0.0.1:${server.port}`);
      proxy.cut();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.store.close(), this.direct.close()]);
    await Promise.all([this.proxy.close(), this.#aside.close()]);
    await this.pooler?.[Symbol.asyncDispose]();
    await this.server.close();
    for (const each of this.#owned) await each[Symbol.asyncDispose]();
  }
}

function urlAt(port: number): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}
