import { describe, expect, test } from '@jest/globals';
import { isStoreError, type ConfigStore, type Op, type Txn, type Watch, type WatchEvent } from '@holdfast/store';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import { availableEtcds, eventually, startEtcd } from '@holdfast/testkit';
import { Random } from '../../memory/test/support/random.js';
import { RandomCalls, type RandomCall } from '../../memory/test/support/random-calls.js';

const STEPS = 600;

/** What a call came to, without what may differ between two stores. */
async function outcomeOf(call: RandomCall, store: ConfigStore): Promise<unknown> {
  try {
    return comparable(await call.run(store));
  } catch (error) {
    if (!isStoreError(error)) throw error;
    return { code: error.code };
  }
}

function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value ?? null, (name, field: unknown) => {
      // Identities differ, and etcd does not tell when a key expires.
      if (name === 'identity' || name === 'expiresAt') return undefined;
      return field instanceof Uint8Array ? Buffer.from(field).toString('latin1') : field;
    }),
  );
}

interface Refusal {
  readonly code: string;
}

const isRefusal = (outcome: unknown): outcome is Refusal =>
  typeof outcome === 'object' && outcome !== null && 'code' in outcome;

/**
 * The refusals that apply to a call which was refused. Which of several is told is not promised, and differs between versions of etcd.
 * Nothing was written, so the memory store can be asked for each reason.
 */
async function applicable(call: RandomCall, memory: ConfigStore): Promise<Set<string>> {
  const codes = new Set<string>();
  const ask = async (question: Promise<unknown>): Promise<void> => {
    await question.catch((error: unknown) => {
      if (isStoreError(error)) codes.add(error.code);
    });
  };
  const look = async (op: Op): Promise<void> => {
    if (op.type === 'txn') {
      for (const inner of [...(op.txn.then ?? []), ...(op.txn.else ?? [])]) await look(inner);
    } else if (op.type === 'list') {
      await ask(memory.list(op.range, { revision: op.revision }));
    } else if (op.type === 'put') {
      if (op.lease !== undefined) await ask(memory.leases.timeToLive(op.lease));
      const absent = (await memory.get(op.key)) === undefined;
      if (absent && (op.ignoreValue === true || op.ignoreLease === true)) codes.add('not-found');
    }
  };
  if (call.name === 'txn') await look({ type: 'txn', txn: call.args as Txn });
  return codes;
}

/** Everything that a watch tells, as it is told. */
function record(watch: Watch): WatchEvent[] {
  const events: WatchEvent[] = [];
  const reading = async () => {
    for await (const batch of watch) events.push(...batch.events);
  };
  // How it ended shows in the events and in the watch's state.
  reading().catch(() => undefined);
  return events;
}

describe.each(availableEtcds().map(({ version }) => version))('etcd %s and the memory store', (version) => {
  test.each([1, 2])('answer any calls alike, and tell watches the same (seed %i)', async (seed) => {
    await using etcd = await startEtcd({ version });
    await using remote = etcdV3Store({ endpoints: [...etcd.endpoints] });
    await using memory = memoryStore();
    const stores = [remote, memory];
    for (const store of stores) await RandomCalls.prepare(store);
    const watches = stores.map((store) => store.watch({ prefix: '' }, { previous: true }));
    const [told, expected] = watches.map(record);
    await Promise.all(watches.map(({ ready }) => ready));
    const calls = new RandomCalls(new Random(seed));
    for (let step = 0; step < STEPS; step++) {
      const call = calls.next();
      // A real server needs a moment to bring a watch to the head, in which a compaction would end it.
      if (call.name === 'compact') await eventually(() => told?.at(-1)?.revision === expected?.at(-1)?.revision);
      const [answer, wanted] = [await outcomeOf(call, remote), await outcomeOf(call, memory)];
      if (isRefusal(answer) && isRefusal(wanted) && answer.code !== wanted.code) {
        const refusals = await applicable(call, memory);
        expect({ step, call, codes: [...refusals] }).toMatchObject({
          codes: expect.arrayContaining([answer.code, wanted.code]),
        });
      } else {
        expect({ step, call, answer }).toEqual({ step, call, answer: wanted });
      }
      calls.head = (await memory.status()).revision;
    }
    await eventually(() => told?.at(-1)?.revision === expected?.at(-1)?.revision);
    expect(comparable(told)).toEqual(comparable(expected));
    expect(told?.length).toBeGreaterThan(STEPS / 4);
  });
});
