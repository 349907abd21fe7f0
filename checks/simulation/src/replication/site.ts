import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { Leases } from '../cluster/leases.js';
import { Members } from '../cluster/members.js';
import type { Client } from '../links/client.js';
import type { SimClock } from '../sim-clock.js';
import { type Commit, Truth } from '../truth/truth.js';
import { Writer } from '../users/writer.js';
import type { Background } from '../world/background.js';
import { Server } from '../world/server.js';
import type { Backend, Side } from './plan.js';

export interface SiteOptions {
  readonly side: Side;
  readonly backend: Backend;
  readonly clock: SimClock;
  readonly random: () => number;
  readonly maxTxnOperations: number | undefined;
  readonly background: Background;
  readonly trace: ((line: string) => void) | undefined;
  readonly count: (fault: string) => void;
  readonly violated: (guarantee: string, message: string) => void;
  readonly onCommit: (commit: Commit) => void;
}

/** One of the two stores of a world, and its operators. */
export class Site {
  readonly side: Side;
  readonly backend: Backend;
  readonly data: MemoryStore;
  readonly truth: Truth;
  readonly members = new Members(1);
  readonly leases: Leases;
  readonly server: Server;
  /** The connections of all processes. */
  readonly clients: Client[] = [];
  /** The revision of the last snapshot. */
  snapshotAt: number | undefined;

  constructor(options: SiteOptions) {
    const { side, backend, clock, random, maxTxnOperations, background, trace, count, violated, onCommit } = options;
    this.side = side;
    this.backend = backend;
    this.data = memoryStore({
      clock: clock.view(side),
      random,
      ...(maxTxnOperations === undefined ? {} : { maxTxnOperations }),
    });
    this.leases = new Leases(this.data, count);
    this.truth = new Truth(
      this.data,
      () => clock.now,
      (commit) => {
        for (const lease of commit.leases) background.start(this.leases.noteEnd(lease));
        onCommit(commit);
      },
    );
    this.server = new Server({
      data: this.data,
      clock,
      truth: this.truth,
      members: this.members,
      endpoints: undefined,
      writer: new Writer({ data: this.data, backend, trace, violated }),
      clients: this.clients,
      count,
      mirrorsArePast: () => false,
    });
  }
}
