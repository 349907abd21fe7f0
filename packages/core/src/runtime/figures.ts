import type { Revision } from '@holdfast/store';
import type { MirrorFigures } from '../events/channels.js';
import type { MirrorConnection, MirrorState, StateMachine } from '../events/state.js';
import type { Table } from '../table/table.js';
import type { Freshness } from './freshness.js';

/** Where figures come from. */
export interface FiguresSource {
  readonly state: StateMachine;
  readonly table: Table;
  readonly freshness: Freshness;
  readonly staleMs: number;
}

/** The figures of one mirror, read when they are asked for. */
export class Figures implements MirrorFigures {
  readonly #source: FiguresSource;

  constructor(source: FiguresSource) {
    this.#source = source;
  }

  get status(): MirrorState['status'] {
    return this.#source.state.current.status;
  }

  get connection(): MirrorConnection {
    return this.#source.state.current.connection;
  }

  get keys(): number {
    return this.#source.table.count;
  }

  get problems(): number {
    return [...this.#source.table.problems()].length;
  }

  get staleMs(): number | undefined {
    const { freshness, table } = this.#source;
    freshness.notice();
    const isLoaded = table.bookmark !== undefined && freshness.asOf !== undefined;
    return isLoaded ? this.#source.staleMs : undefined;
  }

  get revision(): Revision | undefined {
    return this.#source.table.bookmark?.revision;
  }

  toJSON(): object {
    const { status, connection, keys, problems, staleMs, revision } = this;
    return { status, connection, keys, problems, staleMs, revision };
  }
}
