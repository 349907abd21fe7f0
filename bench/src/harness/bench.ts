import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  startEtcd,
  startPostgres,
  startProxy,
  type Etcd,
  type Postgres,
  type Proxy,
  type StartEtcdOptions,
  type StartPostgresOptions,
} from '@holdfast/testkit';
import { assertEqualContent } from './equal-content.js';
import type { Row, Sample } from './row.js';
import type { Scale } from './scale.js';
import { SideProcess } from './side-process.js';
import type { Params } from './task.js';

export interface BenchOptions {
  readonly row: Row;
  readonly scale: Scale;
  /** The etcd binary to start servers from. */
  readonly etcd: string | undefined;
  readonly script: string;
  readonly profileFolder: string | undefined;
  /** The folder of another checkout that is measured too. */
  readonly against?: string | undefined;
}

/** A row's tools. {@link Bench.close} ends everything that the row started. */
export class Bench {
  readonly scale: Scale;
  /** The number of the round, from 0; −1 before the first. */
  round = -1;
  readonly #options: BenchOptions;
  readonly #toClose: { close(): Promise<void> }[] = [];
  readonly #sides = new Set<SideProcess>();

  constructor(options: BenchOptions) {
    this.scale = options.scale;
    this.#options = options;
  }

  async etcd(options: StartEtcdOptions = {}): Promise<Etcd & { readonly endpoint: string }> {
    const { etcd: bin } = this.#options;
    const etcd = await startEtcd({ ...options, ...(bin === undefined ? {} : { bin }) });
    this.#toClose.push(etcd);
    const [endpoint = ''] = etcd.endpoints;
    return Object.assign(etcd, { endpoint });
  }

  async postgres(options: StartPostgresOptions): Promise<Postgres> {
    const postgres = await startPostgres(options);
    this.#toClose.push(postgres);
    return postgres;
  }

  /** A folder that is gone when the row has run. */
  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
    this.#toClose.push({
      close: async () => {
        rmSync(folder, { recursive: true, force: true });
      },
    });
    return folder;
  }

  async proxy(endpoint: string): Promise<Proxy> {
    const proxy = await startProxy(endpoint);
    this.#toClose.push(proxy);
    return proxy;
  }

  /** Starts a side, for rows that talk with their sides while they run. */
  start(side: string, params: Params): SideProcess {
    const { row, script, profileFolder, against } = this.#options;
    const started = new SideProcess({ script, row: row.module ?? row.name, side, params, profileFolder, against });
    this.#sides.add(started);
    return started;
  }

  /** The names of the sides in this round's order. The first of one round is the last of the next. */
  order(names: readonly string[] = Object.keys(this.#options.row.sides)): readonly string[] {
    const first = Math.max(0, this.round) % names.length;
    return [...names.slice(first), ...names.slice(0, first)];
  }

  /** Runs every side once, one after another. */
  async inTurn(params: Params, names?: readonly string[]): Promise<Readonly<Record<string, Sample>>> {
    const samples: Record<string, Sample> = {};
    for (const side of this.order(names)) samples[side] = await this.start(side, params).result;
    assertEqualContent(samples);
    return samples;
  }

  async close(): Promise<void> {
    for (const side of this.#sides) side.kill();
    for (const each of this.#toClose.reverse()) await each.close();
  }
}
