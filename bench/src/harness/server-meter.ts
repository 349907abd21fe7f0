import type { Etcd, EtcdMember } from '@holdfast/testkit';
import { processCpuMs } from './process-cpu.js';

/** What servers did: `cpuMs`, and gRPC calls by what happened to them and by method, such as `started Range`. */
export type ServerCounts = ReadonlyMap<string, number>;

/** The ends of a call that its client brought about. */
const CANCELLED = ['Canceled', 'DeadlineExceeded'];

/**
 * Counts what the members of an etcd do, over restarts: a process takes its CPU time and its counters with it, so members are killed
 * and started through the meter.
 */
export class ServerMeter {
  readonly #etcd: Etcd;
  /** Of the processes that run. What they did before is not counted. */
  readonly #before = new Map<EtcdMember, ServerCounts>();
  /** Of the processes that are gone. */
  #gone: ServerCounts = new Map();

  private constructor(etcd: Etcd) {
    this.#etcd = etcd;
  }

  static async begin(etcd: Etcd): Promise<ServerMeter> {
    const meter = new ServerMeter(etcd);
    for (const member of etcd.members) meter.#before.set(member, await countsOf(member));
    return meter;
  }

  async kill(member: EtcdMember): Promise<void> {
    this.#gone = sum([this.#gone, await this.#of(member)]);
    await member.kill();
    this.#before.delete(member);
  }

  async read(): Promise<ServerCounts> {
    const running = this.#etcd.members.filter(({ state }) => state === 'running');
    return sum([this.#gone, ...(await Promise.all(running.map((member) => this.#of(member))))]);
  }

  /** The CPU time alone, in milliseconds, and without a request that costs some. */
  get cpuMs(): number {
    const running = this.#etcd.members.map((member) =>
      member.pid === undefined ? 0 : processCpuMs(member.pid) - (this.#before.get(member)?.get('cpuMs') ?? 0),
    );
    return running.reduce((total, each) => total + each, this.#gone.get('cpuMs') ?? 0);
  }

  /** A process that was started since has done nothing before. */
  async #of(member: EtcdMember): Promise<ServerCounts> {
    const before = this.#before.get(member);
    return new Map([...(await countsOf(member))].map(([name, count]) => [name, count - (before?.get(name) ?? 0)]));
  }
}

async function countsOf({ endpoint, pid }: EtcdMember): Promise<ServerCounts> {
  if (pid === undefined) return new Map();
  // Before the page is asked for, which costs the server something too.
  const cpuMs = processCpuMs(pid);
  const page = await (await fetch(`${endpoint}/metrics`)).text();
  return new Map([['cpuMs', cpuMs], ...callsOn(page)]);
}

/** The calls on a page of metrics: `started METHOD`, `messages METHOD` (what clients sent in streams) and `cancelled METHOD`. */
export function callsOn(page: string): ServerCounts {
  const calls: ServerCounts[] = [];
  for (const [, metric, labels = '', value] of page.matchAll(/^grpc_server_(\w+)\{(.*)\} (\S+)$/gm)) {
    const label = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const what =
      metric === 'started_total'
        ? 'started'
        : metric === 'msg_received_total'
          ? 'messages'
          : metric === 'handled_total' && CANCELLED.includes(label('grpc_code'))
            ? 'cancelled'
            : undefined;
    if (what !== undefined) calls.push(new Map([[`${what} ${label('grpc_method')}`, Number(value)]]));
  }
  return sum(calls);
}

function sum(all: readonly ServerCounts[]): ServerCounts {
  const total = new Map<string, number>();
  for (const counts of all) for (const [name, count] of counts) total.set(name, (total.get(name) ?? 0) + count);
  return total;
}
