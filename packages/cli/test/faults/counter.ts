import { isStoreError, type ConfigStore } from '@holdfast/store';
import type { Etcd, EtcdMember } from '@holdfast/testkit';
import { callV2 } from './outside.js';

/** Etcd v2 keeps 1,000 events: at this pace they last for longer than any fault here. */
const PACE_MS = 20;

/** One writer of one key: unguarded writes, one after the other, each of a number of its own, and what became of each. */
export class Counter {
  readonly acknowledged: number[] = [];
  readonly unknown: number[] = [];
  readonly #store: ConfigStore;
  readonly #key: string;
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(store: ConfigStore, key: string) {
    this.#store = store;
    this.#key = key;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /**
   * Holds what was applied, in order, against what the writer was told.
   *
   * @returns what is wrong: a write that is there twice, or is not there though it was acknowledged, or is and must not be
   */
  violations(applied: readonly number[]): string[] {
    const times = new Map<number, number>();
    for (const number of applied) times.set(number, (times.get(number) ?? 0) + 1);
    const possible = new Set([...this.acknowledged, ...this.unknown]);
    return [
      ...[...times].filter(([, count]) => count > 1).map(([number, count]) => `${number} was applied ${count} times`),
      ...this.acknowledged.filter((number) => !times.has(number)).map((number) => `${number} is lost`),
      ...[...times.keys()]
        .filter((number) => !possible.has(number))
        .map((number) => `${number} was said to have failed`),
    ];
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#stopped; number++) {
      try {
        await this.#store.put(this.#key, String(number), { timeoutMs: 2_000 });
        this.acknowledged.push(number);
      } catch (error) {
        if (!isStoreError(error)) throw error;
        if (error.outcome !== 'not-applied') this.unknown.push(number);
      }
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
  }
}

/** Every value that a key ever had, read back revision by revision, and its version, which counts them. */
export async function v3History(etcd: Etcd, key: string): Promise<{ applied: number[]; version: number }> {
  const at = async (revision?: number): Promise<V3Value | undefined> => {
    const past = revision === undefined ? {} : { revision: String(revision) };
    const { kvs } = await etcd.api<{ kvs?: V3Value[] }>('kv/range', { key: btoa(key), ...past });
    return kvs?.[0];
  };
  const last = await at();
  const applied: number[] = [];
  for (let value = last; value !== undefined; value = await at(Number(value.mod_revision) - 1)) {
    applied.unshift(Number(atob(value.value)));
  }
  return { applied, version: Number(last?.version) };
}

/** The same of v2, out of the events that a member still has. */
export async function v2History(member: EtcdMember | undefined, key: string, from: number): Promise<number[]> {
  const { body } = await callV2(member?.endpoint, 'GET', `${key}?quorum=true`);
  const last = (body as V2Event).node.modifiedIndex;
  const applied: number[] = [];
  for (let index = from; index <= last;) {
    const answer = await callV2(member?.endpoint, 'GET', `${key}?wait=true&waitIndex=${index}`);
    const { node } = answer.body as Partial<V2Event>;
    if (node === undefined) throw new Error(`the history of ${key} is gone: ${JSON.stringify(answer.body)}`);
    applied.push(Number(node.value));
    index = node.modifiedIndex + 1;
  }
  return applied;
}

interface V3Value {
  readonly value: string;
  readonly mod_revision: string;
  readonly version: string;
}

interface V2Event {
  readonly node: { readonly value: string; readonly modifiedIndex: number };
}
