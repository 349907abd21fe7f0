import { etcdV3Store } from '@holdfast/etcd-v3';
import { filesStore } from '@holdfast/files';
import type { ConfigStore } from '@holdfast/store';
import { startEtcd, type Etcd } from '@holdfast/testkit';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arena } from './arena.js';
import type { Kind } from './generate.js';
import { OwnNumbers, sameNumbers } from './names.js';
import { patientClock } from './patient-clock.js';
import type { View } from './plan.js';
import { restricted } from './restricted.js';
import { Side } from './side.js';
import { keysUpTo } from './vocabulary.js';

/**
 * A folder that is written to, and etcd's v3 API with what a folder can't do left out. Their revisions differ, and are noted step by step.
 * A key that is not UTF-8 is written past the store, where the same value again is no change: no plan does it.
 */
export class FilesArena implements Arena {
  readonly kind: Kind;
  readonly memory: ConfigStore;
  readonly #etcd: Etcd;
  readonly #folder: string;
  readonly #files: ConfigStore;
  readonly #lesser: ConfigStore;
  #numbers = new OwnNumbers('');
  #oldest = 1;

  static async start(version?: string): Promise<FilesArena> {
    return new FilesArena(await startEtcd({ ...(version !== undefined && { version }), progressIntervalMs: 100 }));
  }

  private constructor(etcd: Etcd) {
    this.#etcd = etcd;
    this.memory = etcdV3Store({ endpoints: [...etcd.endpoints], clock: patientClock, watch: { progressMs: 100 } });
    this.#folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-fuzz-'));
    const path = join(this.#folder, 'data');
    mkdirSync(path);
    this.#files = filesStore({ path, writable: true, settleMs: 1, pollMs: 100 });
    const { capabilities } = this.#files;
    this.#lesser = restricted(this.memory, capabilities);
    this.kind = { vocabulary: { ...keysUpTo(capabilities.maxKeyBytes ?? 0), rawKeys: [] }, ofOneKey: 0.7 };
  }

  get name(): string {
    return `etcd ${this.#etcd.version}, beside a folder`;
  }

  /** The revisions of plans before correspond to none. */
  get oldest(): number {
    return this.#oldest;
  }

  async begin(): Promise<{ readonly server: Side; readonly memory: Side }> {
    for (const store of [this.#files, this.memory]) {
      await store.delete({ prefix: '' });
      // A revision of each that no plan goes behind.
      await store.put('begin', '');
      await store.delete('begin');
    }
    const { identity } = await this.#files.status();
    this.#numbers = new OwnNumbers(identity);
    await this.stepped();
    const head = await this.memory.status();
    this.#oldest = head.revision;
    const { capabilities } = this.#files;
    return {
      server: new Side(this.#files, this.#numbers, capabilities),
      memory: new Side(this.#lesser, sameNumbers(head.identity), capabilities),
    };
  }

  async stepped(): Promise<void> {
    this.#numbers.note((await this.#files.status()).revision, (await this.memory.status()).revision);
  }

  putRaw(): Promise<void> {
    return Promise.reject(new Error('plans for files have no such step'));
  }

  /** Which transactions are about one key only the driver knows. */
  mayBeUnsupported(_view: View, method: string): boolean {
    return method === 'txn';
  }

  mayBeTooLarge(): boolean {
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lesser.close();
    await this.memory.close();
    await this.#files.close();
    rmSync(this.#folder, { recursive: true, force: true });
    await this.#etcd.close();
  }
}
