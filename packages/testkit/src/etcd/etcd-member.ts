import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { eventually } from '../clock/eventually.js';
import { etcdEnvironment, type EtcdBinary } from './etcd-binary.js';
import { isAtLeast } from './etcd-version.js';
import type { Http } from './http.js';
import { sumMetric } from './metrics.js';
import { waitUntilStopped } from './stand-still.js';
import type { Watchdog } from './watchdog.js';

/** What one member says of itself. Ids are decimal strings. */
export interface EtcdMemberStatus {
  readonly clusterId: string;
  readonly memberId: string;
  /** The member's own head. On a lagging follower it is behind the cluster's. */
  readonly revision: number;
  readonly raftTerm: number;
  /** The member id of the leader that this member knows; `'0'` if it knows none. */
  readonly leader: string;
}

/** One etcd process, on ports and data of its own that stay the same when it is started again. */
export interface EtcdMember {
  readonly name: string;
  readonly endpoint: string;
  readonly peerUrl: string;
  readonly dataDir: string;
  /** The version that it runs, or ran last. See {@link Etcd.useVersion}. */
  readonly version: string;
  /** `crashed`: the process ended though nobody asked it to. */
  readonly state: 'stopped' | 'running' | 'paused' | 'crashed';
  /** The process's id while it runs. */
  readonly pid: number | undefined;
  /** Starts the process again. Resolves when it serves; if there is no quorum, when it listens. */
  start(): Promise<void>;
  /** SIGKILL. Resolves when the process is gone. Does nothing if it is not running. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when the process is gone. With open watches etcd takes some seconds over it. */
  stop(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing answers. Returns when the process stands still. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  status(): Promise<EtcdMemberStatus>;
  /** The sum of a metric's samples, such as `etcd_debugging_mvcc_watcher_total`. Throws if etcd has no such metric. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** The end of the server's log. */
  log(): string;
}

/** What a member needs of its cluster. */
export interface MemberSetup {
  readonly name: string;
  readonly endpoint: string;
  readonly peerUrl: string;
  readonly dataDir: string;
  readonly logFile: string;
  /** What to start now. */
  readonly binary: () => EtcdBinary;
  /** The flags to start with now. */
  readonly flags: () => readonly string[];
  readonly hasQuorum: () => boolean;
  readonly http: Http;
  readonly watchdog: Watchdog;
}

interface Running {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
}

type State =
  | { readonly kind: 'stopped' }
  | ({ readonly kind: 'running' | 'paused' | 'stopping' } & Running)
  | { readonly kind: 'crashed'; readonly how: string };

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const LOG_TAIL_BYTES = 4_000;

/** How far a server's memory may grow between two collections, in percent: Go's own 100 costs a test's small server a tenth of its time. */
const GARBAGE_PERCENT = '400';

/** See {@link EtcdMember}. */
export class EtcdProcess implements EtcdMember {
  readonly #setup: MemberSetup;
  #state: State = { kind: 'stopped' };
  #version: string;

  constructor(setup: MemberSetup) {
    this.#setup = setup;
    this.#version = setup.binary().version;
  }

  get name(): string {
    return this.#setup.name;
  }

  get endpoint(): string {
    return this.#setup.endpoint;
  }

  get peerUrl(): string {
    return this.#setup.peerUrl;
  }

  get dataDir(): string {
    return this.#setup.dataDir;
  }

  get version(): string {
    return this.#version;
  }

  get state(): EtcdMember['state'] {
    return this.#state.kind === 'stopping' ? 'running' : this.#state.kind;
  }

  get pid(): number | undefined {
    return 'child' in this.#state ? this.#state.child.pid : undefined;
  }

  async start(): Promise<void> {
    this.spawn();
    await this.ready();
  }

  /** Starts the process without waiting for anything. */
  spawn(): void {
    if ('child' in this.#state) throw new Error(`etcd ${this.name} is running already; kill() or stop() it first`);
    const { binary, flags, logFile, watchdog } = this.#setup;
    const { etcd, version } = binary();
    this.#version = version;
    const log = openSync(logFile, 'a');
    const child = spawn(etcd, flags(), {
      stdio: ['ignore', log, log],
      env: etcdEnvironment({ GOGC: process.env['GOGC'] ?? GARBAGE_PERCENT }),
    });
    closeSync(log);
    if (child.pid !== undefined) watchdog.watch(child.pid);
    // A server left running by a test must not keep the test process alive: the watchdog ends it.
    child.unref();
    const gone = new Promise<void>((resolve) => {
      const end = (how: string): void => {
        if (child.pid !== undefined) watchdog.forget(child.pid);
        this.#state = this.#state.kind === 'stopping' ? { kind: 'stopped' } : { kind: 'crashed', how };
        resolve();
      };
      child.on('error', (error) => {
        if (child.pid === undefined) end(error.message); // It could not be started.
      });
      child.once('exit', (code, signal) => {
        end(signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`);
      });
    });
    this.#state = { kind: 'running', child, gone };
  }

  /** Resolves when the member serves; if there is no quorum, when it listens. */
  async ready(): Promise<void> {
    await eventually(
      async () => {
        if (this.#state.kind === 'crashed') return;
        if (this.#setup.hasQuorum()) await this.#healthy();
        else await listening(this.endpoint);
      },
      { timeoutMs: START_TIMEOUT_MS, intervalMs: 10 },
    ).catch((cause: unknown) => {
      throw new Error(`etcd ${this.name} is not ready after ${START_TIMEOUT_MS} ms.\n${this.log()}`, { cause });
    });
    if (this.#state.kind === 'crashed') throw new EtcdCrashedError(this.name, this.#state.how, this.log());
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    if (this.#state.kind === 'paused') this.resume();
    const timer = setTimeout(() => void this.#end('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#end('SIGTERM');
    clearTimeout(timer);
  }

  pause(): void {
    if (this.#state.kind !== 'running') throw new Error(`etcd ${this.name} is ${this.#state.kind}, it can't be paused`);
    const { child } = this.#state;
    child.kill('SIGSTOP');
    this.#state = { ...this.#state, kind: 'paused' };
    if (child.pid !== undefined) waitUntilStopped(child.pid);
  }

  resume(): void {
    if (this.#state.kind !== 'paused') throw new Error(`etcd ${this.name} is ${this.#state.kind}, not paused`);
    this.#state.child.kill('SIGCONT');
    this.#state = { ...this.#state, kind: 'running' };
  }

  async status(): Promise<EtcdMemberStatus> {
    const answer = JSON.parse(
      await this.#setup.http.post(`${this.endpoint}/v3/maintenance/status`, '{}'),
    ) as StatusAnswer;
    const { header } = answer;
    return {
      clusterId: header.cluster_id,
      memberId: header.member_id,
      revision: Number(header.revision ?? 0),
      raftTerm: Number(answer.raftTerm ?? header.raft_term ?? 0),
      leader: answer.leader ?? '0',
    };
  }

  async metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number> {
    return sumMetric(await this.#setup.http.get(`${this.endpoint}/metrics`), name, labels);
  }

  log(): string {
    try {
      return readFileSync(this.#setup.logFile, 'utf8').slice(-LOG_TAIL_BYTES);
    } catch {
      return '';
    }
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!('child' in this.#state)) return;
    const { child, gone } = this.#state;
    this.#state = { kind: 'stopping', child, gone };
    child.ref();
    child.kill(signal);
    await gone;
  }

  async #healthy(): Promise<void> {
    if (!isAtLeast(this.#version, '3.5')) return this.#answersReads();
    const answer = JSON.parse(await this.#setup.http.get(`${this.endpoint}/health`, 2_000)) as { health?: unknown };
    if (String(answer.health) !== 'true')
      throw new Error(`etcd ${this.name} says that its health is ${String(answer.health)}`);
  }

  /**
   * 3.4 answers `/health` by an entry of the v2 API in its log, and a later 3.6 refuses to start on such a log. A linearizable
   * read says as much. Where users are needed, etcd refuses it only once it could have answered.
   */
  async #answersReads(): Promise<void> {
    const head = JSON.stringify({ key: Buffer.from('\0').toString('base64'), limit: '1', keys_only: true });
    try {
      await this.#setup.http.post(`${this.endpoint}/v3/kv/range`, head, 2_000);
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('user name is empty'))) throw error;
    }
  }
}

/** The server ended by itself. The message has the end of its log. */
export class EtcdCrashedError extends Error {
  override readonly name = 'EtcdCrashedError';
  /** Somebody else had one of its ports. */
  readonly portTaken: boolean;

  constructor(member: string, how: string, log: string) {
    super(`etcd ${member} ended by itself (${how}). The end of its log:\n${log}`);
    this.portTaken = log.includes('address already in use');
  }
}

// What etcd's JSON gateway leaves out has its zero value.
interface StatusAnswer {
  readonly header: {
    readonly cluster_id: string;
    readonly member_id: string;
    readonly revision?: string;
    readonly raft_term?: string;
  };
  readonly leader?: string;
  readonly raftTerm?: string;
}

function listening(endpoint: string): Promise<void> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
