import { StoreError, type Logger } from '@holdfast/store';
import { abortable, monotonicMs, noteFailure } from '@holdfast/adapter-kit';
import { Connections, type UseOptions } from './connection/connections.js';
import type { CopiedRows } from './connection/copied-rows.js';
import type { Session } from './connection/session.js';
import { endsConnection, isRefusal, toError } from './errors.js';
import type { Settings } from './options.js';
import { checkServer } from './schema/check-server.js';
import { migrate } from './schema/migrate.js';
import type { VersionRows } from './sql/copied.js';
import type { Row } from './sql/literals.js';
import { metaOf, selectMeta, type Meta } from './sql/meta.js';
import type { Tables } from './sql/tables.js';

const MAX_CHECKS = 5;

export interface ReadOptions extends UseOptions {
  /** A select of versions that is read too, and where its rows go. */
  readonly versions?: { readonly rows: VersionRows; readonly into: CopiedRows } | undefined;
}

export interface Answer {
  readonly meta: Meta;
  /** Of each of the statements. */
  readonly results: readonly (readonly Row[])[];
}

/** The database of a store: its tables are there, and its server is the noted one, before anything is read or written. */
export class Backend {
  readonly connections: Connections;
  readonly tables: Tables;
  readonly logger: Logger;
  readonly #settings: Settings;
  #migrated: Promise<void> | undefined;
  #checking: Promise<void> | undefined;
  /** The role may not note that the server was checked: each read compares by itself. */
  #compares = false;
  #warned = false;
  /** What the last read said of leases. */
  #seen: { readonly nextExpiryMs: number | undefined; readonly at: number } | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.connections = new Connections(settings);
    this.tables = settings.tables;
    this.logger = settings.logger;
  }

  get requestMs(): number {
    return this.#settings.requestMs;
  }

  get endpoint(): string {
    return this.connections.endpoint;
  }

  /** Runs statements that read, all in one snapshot. @throws StoreError */
  async read(statements: readonly string[], { versions, ...options }: ReadOptions = {}): Promise<Answer> {
    for (let checks = 0; ; checks += 1) {
      const all = ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', this.selectMeta, ...statements, 'COMMIT'];
      const [, meta, ...results] = await this.use(
        (session) =>
          versions === undefined
            ? session.run(all.join(';\n'))
            : session.runWith(all, all.length - 1, versions.rows, versions.into),
        options,
      );
      const answer = { meta: metaOf(meta?.[0]), results: results.slice(0, statements.length) };
      this.#seen = { nextExpiryMs: answer.meta.nextExpiryMs, at: monotonicMs(this.#settings.clock) };
      if (answer.meta.isChecked) return answer;
      await this.checkAgain(checks, options.signal);
    }
  }

  /** The statement that says where the store stands, as this role can ask it. */
  get selectMeta(): string {
    return selectMeta(this.tables, this.#compares);
  }

  /** Checks the server for work that found it unchecked. @param checks how often that was so before @throws StoreError if it is no use */
  async checkAgain(checks: number, signal: AbortSignal | undefined): Promise<void> {
    if (checks >= MAX_CHECKS || this.#compares) throw this.unchecked();
    await this.check(signal);
  }

  /** In how many milliseconds the first lease expires; asks where no read of the last `withinMs` has told it. */
  async nextExpiryMs(withinMs: number, signal?: AbortSignal): Promise<number | undefined> {
    const { clock } = this.#settings;
    const age = () => monotonicMs(clock) - (this.#seen?.at ?? -Infinity);
    if (age() >= withinMs) await this.read([], { signal });
    const next = this.#seen?.nextExpiryMs;
    return next === undefined ? undefined : next - age();
  }

  /** Runs work that may be done twice on a connection: once more on another one if the first had been lost. @throws StoreError */
  async use<T>(work: (session: Session) => Promise<T>, options: UseOptions = {}): Promise<T> {
    await this.ready(options.signal);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.connections.use(work, options);
      } catch (error) {
        const translated = toError(error, this.endpoint);
        noteFailure(options.signal, translated);
        // A connection that was idle while the server restarted fails at its first use.
        if (attempt === 2 || translated === error || !endsConnection(error)) throw translated;
      }
    }
  }

  /** Migrates once. @throws StoreError before anything was done */
  async ready(signal?: AbortSignal): Promise<void> {
    this.#migrated ??= this.connections
      .use((session) => migrate(session, this.tables, this.#settings.migrate))
      .catch((error: unknown) => {
        this.#migrated = undefined;
        throw toError(error, this.endpoint);
      });
    await abortable(this.#migrated, signal);
  }

  /** Checks the server, once for all who ask meanwhile. @throws StoreError */
  async check(signal?: AbortSignal): Promise<void> {
    this.#checking ??= this.#check().finally(() => (this.#checking = undefined));
    await abortable(this.#checking, signal);
  }

  async #check(): Promise<void> {
    try {
      const isKnown = await this.connections.use((session) => checkServer(session, this.tables));
      if (!isKnown && !this.#warned) {
        this.#warned = true;
        this.logger.warn(
          `${this.endpoint}: this role can't see the server's system identifier and timeline, so a failover that loses writes goes unnoticed: grant EXECUTE on pg_control_system() and pg_walfile_name()`,
        );
      }
    } catch (error) {
      if (!isRefusal(error)) throw toError(error, this.endpoint);
      this.#compares = true;
    }
  }

  /** Of statements that found no check, although one was made. */
  unchecked(): StoreError {
    const advice = this.#compares ? 'open the store once with a role that may write' : 'it restarts all the time';
    return new StoreError('unavailable', `${this.endpoint}: another server took over; ${advice}`, {
      endpoint: this.endpoint,
    });
  }

  get mayWrite(): boolean {
    return !this.#compares;
  }
}
