import { subscribe } from 'node:diagnostics_channel';
import { json, mirror } from '@holdfast/core';
import { openSession } from '@holdfast/coordination';
import { memoryStore } from '@holdfast/memory';

const CHANNELS = [
  ...['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((name) => `tracing:holdfast:store:call:${name}`),
  ...['store:connection', 'mirror:load', 'mirror:step', 'mirror:state', 'mirror:problem', 'session:state'].map(
    (name) => `holdfast:${name}`,
  ),
];

export interface Disturbed {
  /** The channels whose subscriber threw, as Node reported it. */
  readonly reported: readonly string[];
  readonly shown: Readonly<Record<string, unknown>>;
  readonly problems: readonly (string | undefined)[];
  readonly failed: unknown;
}

/** Uses stores, a mirror and a session while every subscriber throws. */
export async function run(): Promise<Disturbed> {
  const reported = new Set<string>();
  process.on('uncaughtException', ({ message }) => reported.add(message));
  for (const name of CHANNELS) {
    subscribe(name, () => {
      throw new Error(name);
    });
  }
  const store = memoryStore();
  await store.put('/app/a', '{"n":1}');
  const failed: unknown = await store.get('').catch((error: { readonly code?: unknown }) => error.code);
  const mirrored = await mirror(store, { prefix: '/app/', codec: json<{ readonly n: number }>() });
  await store.put('/app/bad', 'no JSON');
  const { revision } = await store.put('/app/b', '{"n":2}');
  await mirrored.waitFor(revision);
  const session = await openSession(store);
  await session.withLock('/lock', () => undefined);
  await session.close();
  const shown = Object.fromEntries([...mirrored].map(([key, { value }]) => [key, value]));
  const problems = mirrored.problems().map(({ key }) => key);
  await mirrored.close();
  await store.close();
  // Node reports in ticks of its own.
  while (reported.size < CHANNELS.length) await new Promise((resolve) => setTimeout(resolve, 5));
  return { reported: CHANNELS.filter((name) => reported.has(name)), shown, problems, failed };
}

export { CHANNELS };
