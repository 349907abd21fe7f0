import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkOptions } from '../check.js';
import { eventually } from '../clock/eventually.js';
import { Watchdog } from '../etcd/watchdog.js';
import { reservePort, type ReservedPort } from '../net/ports.js';
import { findPostgres } from './postgres-binary.js';
import { giveAway, reachable, serverUser, template } from './postgres-files.js';

export interface StartPostgresOptions {
  /** Such as `18` or `13.23`. Default: the newest that is available. */
  readonly version?: string | undefined;
  /** Settings as in `postgresql.conf`, such as `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Whether commits are flushed to the disk. Default: `false`, for tests that don't speak of durability. */
  readonly fsync?: boolean | undefined;
}

export interface StandbyOptions {
  /** Whether it follows the server that it was copied from. Default: `true`. */
  readonly follows?: boolean | undefined;
}

/** A real PostgreSQL on a loopback port, with data of its own. Its user is `postgres`, without a password. */
export interface Postgres extends AsyncDisposable {
  readonly version: string;
  readonly host: '127.0.0.1';
  readonly port: number;
  /** `postgres://postgres@127.0.0.1:PORT/postgres` */
  readonly url: string;
  readonly dataDir: string;
  readonly pid: number | undefined;
  /** Starts it again, on the same port. */
  start(): Promise<void>;
  /** Ends it in order, as at the end of a day: `fast` ends all connections, `immediate` leaves what is open to recovery. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  /** Kills it and all its processes at once. */
  kill(): Promise<void>;
  /** Kills one of its processes, such as the one of a connection: the server then ends all others, and recovers. */
  crash(pid: number): void;
  /**
   * Makes a standby: stops this server, copies its data folder, and starts both. The standby serves reads until {@link Postgres.promote}.
   */
  standby(options?: StandbyOptions): Promise<Postgres>;
  /** Makes a standby the primary. */
  promote(): Promise<void>;
  /** The end of the server's log. */
  log(): string;
  close(): Promise<void>;
}

const READY_MS = 60_000;
const ALWAYS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '16MB',
  // In the data folder, which goes with the server: a killed server leaves what it has in the system's shared memory.
  dynamic_shared_memory_type: 'mmap',
  max_connections: '60',
  log_timezone: 'UTC',
};

/** Starts a PostgreSQL, and resolves when it serves. It is gone after `close()`, and also when this process ends without calling it. */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<Postgres> {
  checkOptions(options, ['version', 'settings', 'fsync'], 'startPostgres()');
  const binary = findPostgres({ version: options.version });
  const [programs, from] = [await reachable(binary), await template(binary)];
  const server = new PostgresServer(binary.version, programs, await reservePort(), options);
  server.fill(from);
  return server.begin();
}

class PostgresServer implements Postgres {
  readonly host = '127.0.0.1';
  readonly version: string;
  readonly dataDir: string;
  readonly #folder: string;
  readonly #programs: string;
  readonly #reserved: ReservedPort;
  readonly #options: StartPostgresOptions;
  readonly #watchdog: Watchdog;
  #child: { readonly process: ChildProcess; readonly gone: Promise<void> } | undefined;

  constructor(version: string, programs: string, reserved: ReservedPort, options: StartPostgresOptions) {
    this.version = version;
    this.#programs = programs;
    this.#reserved = reserved;
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'holdfast-pg-'));
    chmodSync(this.#folder, 0o755);
    this.dataDir = join(this.#folder, 'data');
    this.#watchdog = new Watchdog(this.#folder);
  }

  get port(): number {
    return this.#reserved.port;
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  get pid(): number | undefined {
    return this.#child?.process.pid;
  }

  fill(from: string): void {
    cpSync(from, this.dataDir, { recursive: true, verbatimSymlinks: true });
    giveAway(this.dataDir);
    chmodSync(this.dataDir, 0o700);
  }

  async begin(): Promise<this> {
    try {
      await this.start();
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error(`PostgreSQL on port ${this.port} is running already`);
    rmSync(join(this.dataDir, 'postmaster.pid'), { force: true });
    const settings = { ...ALWAYS, fsync: this.#options.fsync === true ? 'on' : 'off', ...this.#options.settings };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const log = openSync(join(this.#folder, 'log'), 'a');
    const child = spawn(
      join(this.#programs, 'bin', 'postgres'),
      ['-D', this.dataDir, '-p', String(this.port), ...flags],
      {
        stdio: ['ignore', log, log],
        cwd: '/',
        env: { ...process.env, LC_ALL: 'C' },
        ...serverUser(),
      },
    );
    closeSync(log);
    if (child.pid !== undefined) this.#watchdog.watch(child.pid);
    child.unref();
    const gone = new Promise<void>((resolve) => {
      const end = () => {
        if (child.pid !== undefined) this.#watchdog.forget(child.pid);
        if (this.#child?.process === child) this.#child = undefined;
        resolve();
      };
      child.once('exit', end);
      child.once('error', end);
    });
    this.#child = { process: child, gone };
    await this.#ready();
  }

  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.#end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  }

  async kill(): Promise<void> {
    const children = childrenOf(this.pid);
    const ended = this.#end('SIGKILL');
    for (const pid of children) this.crash(pid);
    await ended;
    await eventually(() => children.every((pid) => !isAlive(pid)), { timeoutMs: READY_MS, intervalMs: 5 });
  }

  crash(pid: number): void {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }

  async standby({ follows = true }: StandbyOptions = {}): Promise<Postgres> {
    await this.stop();
    const copy = new PostgresServer(this.version, this.#programs, await reservePort(), this.#options);
    copy.fill(this.dataDir);
    const conninfo = follows ? `primary_conninfo = 'host=127.0.0.1 port=${this.port} user=postgres'\n` : '';
    writeFileSync(join(copy.dataDir, 'postgresql.auto.conf'), conninfo);
    writeFileSync(join(copy.dataDir, 'standby.signal'), '');
    giveAway(copy.dataDir);
    await this.start();
    return copy.begin();
  }

  async promote(): Promise<void> {
    writeFileSync(join(this.dataDir, 'promote'), '');
    giveAway(this.dataDir);
    if (this.pid !== undefined) process.kill(this.pid, 'SIGUSR1');
    await eventually(() => !existsSync(join(this.dataDir, 'standby.signal')), { timeoutMs: READY_MS, intervalMs: 5 });
    await this.#ready();
  }

  log(): string {
    const file = join(this.#folder, 'log');
    return existsSync(file) ? readFileSync(file, 'utf8').slice(-4_000) : '';
  }

  async close(): Promise<void> {
    if (this.#child !== undefined) await this.kill();
    await this.#watchdog.release();
    this.#reserved.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.process.ref();
    child.process.kill(signal);
    await child.gone;
  }

  /** The last line of the server's own file says how far it is. */
  async #ready(): Promise<void> {
    const file = join(this.dataDir, 'postmaster.pid');
    const isStandby = existsSync(join(this.dataDir, 'standby.signal'));
    await eventually(
      () => {
        if (this.#child === undefined) return;
        const status = existsSync(file) ? readFileSync(file, 'utf8').split('\n')[7]?.trim() : undefined;
        if (status !== 'ready' && !(isStandby && status === 'standby'))
          throw new Error(`it is ${status ?? 'not there'}`);
      },
      { timeoutMs: READY_MS, intervalMs: 5 },
    ).catch((cause: unknown) => {
      throw new Error(`PostgreSQL is not ready after ${READY_MS} ms.\n${this.log()}`, { cause });
    });
    if (this.#child === undefined) throw new Error(`PostgreSQL ended as it started.\n${this.log()}`);
  }
}

function childrenOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
