import { isStoreError, type ConfigStore } from '@holdfast/store';
import { openAddress } from '../store/open-adapter.js';
import { atEndpoint, withoutUser, type StoreAddress } from '../store/store-address.js';
import type { Io } from '../terminal/io.js';
import { authFindings } from './auth.js';
import { clockFindings } from './clock.js';
import { conditionFindings } from './condition.js';
import { askEndpoint, endpointFindings, type Answer } from './endpoints.js';
import { failed, type Finding } from './finding.js';
import { securityOf, tlsFindings } from './tls.js';
import { historyFinding, readFindings, watchFinding, type Use } from './use.js';

/** What an examination has of the run that asked for it. */
export interface Examination {
  readonly io: Io;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** An endpoint that does not answer must not make the examination endless. Longer than a connection may take, so that its failure is told. */
const MOST_MS = 6_000;

/** Looks at everything that can be wrong with a store, and gives each finding as soon as it is known. */
export async function* examine(
  address: StoreAddress,
  prefix: string,
  { io, signal, timeoutMs: given }: Examination,
): AsyncGenerator<Finding> {
  const timeoutMs = Math.min(given, MOST_MS);
  const open = (one: StoreAddress) => openAddress(one, io, timeoutMs);
  const isEtcd = address.scheme.startsWith('etcd-');

  const store = await open(address);
  try {
    const answers = await askAll(store, address, isEtcd, signal, open);
    yield* endpointFindings(store.name, answers);
    yield* conditionFindings(answers);
    const answering = answers.filter(isAnswer).map(({ endpoint }) => endpoint);
    if (isEtcd) yield* networkFindings(address, answering, { timeoutMs, signal });
    if (answering.length === 0) return;

    const probe = `${prefix === '' ? '/' : prefix}${prefix.endsWith('/') || prefix === '' ? '' : '-'}holdfast-check`;
    const use: Use = { store, range: { prefix }, probe, timeoutMs, signal };
    if (isEtcd) yield* await anonymously(address, open, use);
    const { found, head } = await readFindings(use);
    yield* found;
    if (head === undefined) return;
    yield await historyFinding(use, head);
    yield await watchFinding(use, head);
  } finally {
    await store.close();
  }
}

/** A refusal is an answer too. */
function isAnswer({ error }: Answer): boolean {
  return !isStoreError(error, 'unavailable') && !isStoreError(error, 'timeout');
}

async function askAll(
  store: ConfigStore,
  address: StoreAddress,
  isEtcd: boolean,
  signal: AbortSignal,
  open: (one: StoreAddress) => Promise<ConfigStore>,
): Promise<Answer[]> {
  if (!isEtcd) return [await askEndpoint(store, address.label, signal)];
  return Promise.all(
    address.endpoints.map(async (endpoint) => {
      const single = await open(atEndpoint(address, endpoint));
      try {
        return await askEndpoint(single, endpoint, signal);
      } finally {
        await single.close();
      }
    }),
  );
}

async function* networkFindings(
  address: StoreAddress,
  answering: readonly string[],
  { timeoutMs, signal }: Pick<Examination, 'timeoutMs' | 'signal'>,
): AsyncGenerator<Finding> {
  try {
    const security = await securityOf(address);
    yield* await tlsFindings(address.endpoints, address, security, { now: Date.now(), timeoutMs, signal });
    yield* await clockFindings(answering, security, { timeoutMs, signal, wallClock: Date.now });
  } catch (error) {
    signal.throwIfAborted();
    yield failed('TLS', error);
  }
}

async function anonymously(
  address: StoreAddress,
  open: (one: StoreAddress) => Promise<ConfigStore>,
  use: Use,
): Promise<Finding[]> {
  const store = await open(withoutUser(address));
  try {
    return await authFindings(address.hasUser, address.endpoints, { ...use, store });
  } finally {
    await store.close();
  }
}
