import type { MemoryStore } from '@holdfast/memory';
import type { Client } from '../links/client.js';
import { LIVENESS_MS } from '../mirrors/host-options.js';
import type { Endpoints } from '../cluster/endpoints.js';
import type { Members } from '../cluster/members.js';
import type { Step } from '../plans/plan.js';
import type { SimClock } from '../sim-clock.js';
import type { Epoch, Truth } from '../truth/truth.js';
import type { Writer } from '../users/writer.js';

/** How long connections outlive a server that went back. */
const KEPT_MS = 2 * LIVENESS_MS;
/** By how many revisions it must have gone back for nothing to overtake the mirrors meanwhile. */
const KEPT_DISTANCE = 12;

export interface ServerOptions {
  readonly data: MemoryStore;
  readonly clock: SimClock;
  readonly truth: Truth;
  readonly members: Members;
  readonly endpoints: Endpoints | undefined;
  readonly writer: Writer;
  readonly clients: readonly Client[];
  readonly count: (fault: string) => void;
  /** Whether what any mirror shows is of a later revision. */
  readonly mirrorsArePast: (revision: number) => boolean;
}

/** What its operators do to the store of a world: they compact it, take snapshots, and put those, or nothing, in its place. */
export class Server {
  readonly #options: ServerOptions;
  #snapshot: { readonly data: ReturnType<MemoryStore['snapshot']>; readonly epoch: Epoch } | undefined;
  #compacted = 0;
  #isRestoring = false;
  #isKept = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /** Whether nothing may be written to it by itself: it is being replaced, or must not overtake what mirrors know. */
  get isResting(): boolean {
    return this.#isRestoring || this.#isKept;
  }

  /** Whether anything of this history was. */
  get wasCompacted(): boolean {
    return this.#compacted > 0;
  }

  get compactedAt(): number {
    return this.#compacted;
  }

  async compact(behind: number): Promise<void> {
    const { data, truth, count } = this.#options;
    const at = truth.current.head - behind;
    if (this.#isRestoring || at <= this.#compacted || at < 1) return;
    count('compaction');
    this.#compacted = at;
    await data.compact(at);
  }

  takeSnapshot(): void {
    const { data, truth } = this.#options;
    this.#snapshot = { data: data.snapshot(), epoch: truth.current };
  }

  async restore({ from, identity, writes, connections }: Extract<Step, { do: 'restore' }>): Promise<void> {
    const { data, truth, members, endpoints, writer, clients, count, mirrorsArePast } = this.#options;
    const snapshot = from === 'snapshot' ? this.#snapshot : undefined;
    const [before, target] = [truth.current, snapshot?.data.revision ?? 1];
    // What is behind by less might be overtaken by what is under way, and then nothing short of an audit tells.
    const isKept = connections === 'kept' && mirrorsArePast(target + KEPT_DISTANCE);
    this.#isRestoring = true;
    if (isKept) for (const client of clients) client.deafen();
    // The server stops: all connections end, and come back only when it runs again with what it was given.
    else for (const { link } of clients) link.reset();
    await truth.end();
    // Whoever restores a cluster sees to it that all endpoints lead to it.
    endpoints?.putBack();
    if (snapshot === undefined) data.wipe({ identity });
    else data.restore(snapshot.data, { identity });
    members.catchUpAll();
    this.#compacted = snapshot?.data.compactRevision ?? 0;
    writer.forget();
    await truth.begin(snapshot?.epoch);
    this.#isRestoring = false;
    for (const write of writes) await writer.write(data, write);
    count(from === 'nothing' ? 'wipe' : 'restore');
    count(identity === 'new' ? 'identity change' : 'another history of the same identity');
    const rolledBack = truth.current.head < before.head;
    count(rolledBack ? 'revision rollback' : 'revision overtaken');
    if (isKept) await this.#keepConnections();
  }

  /** The server went back, and connections stay up for longer than a mirror may believe in what it has. */
  async #keepConnections(): Promise<void> {
    const { clock, clients, count } = this.#options;
    count('server went back behind its connections');
    this.#isKept = true;
    await clock.advance(KEPT_MS);
    this.#isKept = false;
    for (const { link } of clients) link.reset();
  }
}
