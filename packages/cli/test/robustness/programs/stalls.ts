import { mirror, text } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { isStoreError, type ConfigStore } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';

export interface StallsInput {
  readonly backend: 'etcd-v3' | 'etcd-v2';
  readonly endpoint: string;
  /** For how long the event loop is blocked, each time, in milliseconds. */
  readonly stallsMs: readonly number[];
  /** Of the mirror: shorter than the stalls, in milliseconds. */
  readonly livenessMs: number;
}

export interface StallsResult {
  /** The revisions of all events that the watch brought, in order. */
  readonly seen: readonly number[];
  /** How often a state said `live` on evidence older than `livenessMs`. */
  readonly lies: readonly string[];
  /** How long the mirror took from the end of each stall until it was live and had what was written before, in milliseconds. */
  readonly recoveredMs: readonly number[];
  readonly mirrorStates: readonly string[];
  readonly watchStates: readonly string[];
  /** What became of a lease that outlives every stall, and of one that does not; empty where there are no leases. */
  readonly leases: readonly string[];
}

/** Quicker than any stall: whatever keeps an eye on the connection is overdue when the loop turns again. */
const SILENCE_MS = 700;

function connect({ backend, endpoint }: StallsInput): ConfigStore {
  return backend === 'etcd-v3'
    ? etcdV3Store({
        endpoints: [endpoint],
        keepalive: { intervalMs: 5_000, timeoutMs: 500 },
        watch: { progressMs: 200, silenceMs: SILENCE_MS },
      })
    : etcdV2Store({ endpoints: [endpoint], keepalive: { intervalMs: 300, timeoutMs: 500 } });
}

/** Blocks this thread: no timer, no socket and no promise gets its turn. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A host application that stops the event loop for seconds, while somebody else writes below `/stall/`. */
export async function run(input: StallsInput): Promise<StallsResult> {
  const { stallsMs, livenessMs } = input;
  const store = connect(input);
  const lies: string[] = [];
  const mirrorStates: string[] = [];
  const watchStates: string[] = [];
  const seen: number[] = [];
  const recoveredMs: number[] = [];
  const leases: string[] = [];

  const watch = store.watch({ prefix: '/stall/' });
  watch.onState(({ status }) => watchStates.push(status));
  const { revision: from } = await watch.ready;
  const watching = (async () => {
    for await (const { events } of watch) for (const { revision } of events) seen.push(revision);
  })();
  const mirrored = await mirror(store, { prefix: '/stall/', codec: text(), livenessMs });
  mirrored.on('state', ({ status }) => mirrorStates.push(status));
  const look = (when: string): void => {
    const age = Date.now() - mirrored.asOf;
    if (mirrored.state.status === 'live' && age > livenessMs + 50)
      lies.push(`${when}: live, ${age} ms after the proof`);
  };
  const long = store.capabilities.leases ? await store.leases.grant(60) : undefined;
  const short = store.capabilities.leases ? await store.leases.grant(2) : undefined;
  const keep = async (id: string): Promise<string> => {
    try {
      await store.leases.keepAlive(id);
      return 'kept';
    } catch (error) {
      return isStoreError(error) ? error.code : String(error);
    }
  };

  // Whoever is busy does not answer within the short time-outs here. Only the stalls are the matter.
  const tell = (key: string, value: string) => eventually(() => store.put(key, value), { timeoutMs: 20_000 });
  await tell('/control/begun', String(from));
  for (const ms of stallsMs) {
    await mirrored.sync({ timeoutMs: 20_000 });
    block(ms);
    // In the very turn in which the loop was blocked, in the next, and whenever timers run.
    look(`after ${ms} ms`);
    await Promise.resolve();
    look(`a turn after ${ms} ms`);
    const watchful = setInterval(() => look(`after the stall of ${ms} ms`), 5);
    const since = Date.now();
    if (long !== undefined && short !== undefined) leases.push(await keep(long.id), await keep(short.id));
    await mirrored.sync({ timeoutMs: 20_000 });
    await eventually(() => mirrored.state.status === 'live' && watch.state.status === 'live', { timeoutMs: 20_000 });
    recoveredMs.push(Date.now() - since);
    clearInterval(watchful);
  }
  await tell('/control/stop', 'x');
  await eventually(async () => (await store.get('/control/stopped')) !== undefined, { timeoutMs: 20_000 });
  await eventually(
    async () => {
      await mirrored.sync();
      const { items } = await store.list({ prefix: '/stall/' });
      const held = items.map(({ key, modRevision }) => `${key.slice('/stall/'.length)}@${modRevision}`);
      const shown = [...mirrored].map(([key, { modRevision }]) => `${key}@${modRevision}`);
      if (held.sort().join() !== shown.sort().join()) throw new Error('the mirror differs from the store');
      if (mirrored.state.status !== 'live') throw new Error(`the mirror is ${mirrored.state.status}`);
      if (seen.at(-1) !== Math.max(...items.map(({ modRevision }) => modRevision)))
        throw new Error('the watch is behind');
    },
    { timeoutMs: 20_000 },
  );
  await mirrored.close();
  await watch.close();
  await watching;
  await store.close();
  return { seen, lies, recoveredMs, mirrorStates, watchStates, leases };
}
