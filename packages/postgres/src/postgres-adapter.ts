import type { AdapterOpenOptions, ConfigurableAdapter, StoreUrl } from '@holdfast/store';
import { createStore, invalidArgument } from '@holdfast/adapter-kit';
import { resolveOptions, type PostgresStoreOptions } from './options.js';
import { targetOfUrl } from './target.js';
import { PostgresDriver } from './postgres-driver.js';

/** The options of {@link postgresStore} that are not in the URL. */
export type PostgresAdapterOptions = Omit<PostgresStoreOptions, 'connectionString' | 'pool'>;

/**
 * Opens `postgres://user:password@host:5432/database?schema=NAME&prefix=/app/` with `openStore`, and the same with `postgresql:`. The path is
 * the database. Parameters: `schema`, `sslmode`, `ca`, `cert`, `key`, `serverName`, `passwordFile`, `application_name`.
 * `postgres.with({ … })` takes all options of {@link postgresStore} but the connection string and the pool.
 */
export const postgres: ConfigurableAdapter<PostgresAdapterOptions> = postgresAdapter({});

function postgresAdapter(own: PostgresAdapterOptions): ConfigurableAdapter<PostgresAdapterOptions> {
  return {
    scheme: 'postgres',
    aliases: ['postgresql'],
    path: 'own',
    open: (url: StoreUrl, common: AdapterOpenOptions) => {
      const schema = schemaOf(url, own);
      const given: PostgresAdapterOptions = {
        ...own,
        ...(schema !== undefined && { schema }),
        ...(own.logger === undefined && common.logger !== undefined && { logger: common.logger }),
        ...(own.timeoutMs === undefined && common.timeoutMs !== undefined && { timeoutMs: common.timeoutMs }),
      };
      const target = targetOfUrl(url, ['schema'], own);
      const { password: _, tls: __, ...rest } = given;
      const settings = resolveOptions({ ...rest, connectionString: 'postgres://localhost' });
      const { timeoutMs, bufferBytes, clock, logger } = given;
      return createStore(new PostgresDriver({ ...settings, target }), { timeoutMs, bufferBytes, clock, logger });
    },
    with: (options) => {
      for (const name of ['connectionString', 'pool']) {
        if (typeof options === 'object' && name in options) {
          throw invalidArgument(`postgres.with() takes no ${name}: the URL says where the database is`);
        }
      }
      const merged = { ...own, ...options };
      // Now, where the mistake is, and not when a URL is opened.
      resolveOptions({ ...merged, connectionString: 'postgres://localhost' });
      return postgresAdapter(merged);
    },
  };
}

function schemaOf({ params }: StoreUrl, own: PostgresAdapterOptions): string | undefined {
  const schema = params.get('schema');
  if (schema === null) return undefined;
  if (own.schema !== undefined)
    throw invalidArgument('the postgres: URL has a schema, and so has postgres.with(): give one of them');
  return schema;
}
