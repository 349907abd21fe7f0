import { eventually, type EtcdMember, type Random } from '@holdfast/testkit';
import { NotInjected } from '../fault.js';
import { callHttp, form, toBase64 } from '../outside.js';
import { BEACON } from '../keys.js';
import { PREFIX, type World } from '../world.js';

const PATIENCE_MS = 20_000;
/** A server that does not answer within this time counts as silent, in milliseconds: a working one is far faster. */
const SILENCE_MS = 250;
const QUESTIONS = 10;

/** Picks the index of a member, usually one that the store under test is connected to. */
export function pickMember({ proxies }: World, random: Random): number {
  const connected = [...proxies.keys()].filter((index) => (proxies[index]?.connections ?? 0) > 0);
  const any = random.below(proxies.length);
  const [first, ...others] = connected;
  return first === undefined || random.chance(0.25) ? any : random.pick([first, ...others]);
}

export function memberAt({ etcd }: World, index: number): EtcdMember {
  const member = etcd.members[index];
  if (member === undefined) throw new Error(`there is no member ${index}`);
  return member;
}

/** @throws NotInjected if the member goes on answering; a signal takes only a moment */
export async function expectNoAnswer({ endpoint, name }: EtcdMember): Promise<void> {
  for (let question = 1; question <= QUESTIONS; question += 1) {
    const answer = await callHttp(`${endpoint}/version`, {}, SILENCE_MS).catch(() => undefined);
    if (answer === undefined) return;
  }
  throw new NotInjected(`${name} answers`);
}

/** @throws NotInjected if a linearizable read succeeds there */
export async function expectNoRead({ outside }: World, { endpoint, name }: EtcdMember): Promise<void> {
  const held = await outside.held(PREFIX, { endpoint, timeoutMs: SILENCE_MS }).catch(() => undefined);
  if (held !== undefined) throw new NotInjected(`${name} still reads linearizably`);
}

/** Resolves when every member reads linearizably again. */
export async function allServe({ etcd, outside }: Pick<World, 'etcd' | 'outside'>): Promise<void> {
  for (const { endpoint } of etcd.members) {
    await eventually(() => outside.held('/none/', { endpoint }), { timeoutMs: PATIENCE_MS });
  }
}

/** The position of one member, independent of the others: its revision of the beacon. */
export async function beaconAt({ cell }: World, { endpoint }: EtcdMember): Promise<number> {
  if (cell.api === 'v2') {
    const { text } = await callHttp(`${endpoint}/v2/keys${BEACON}`);
    return (JSON.parse(text) as { node: { modifiedIndex: number } }).node.modifiedIndex;
  }
  const body = JSON.stringify({ key: toBase64(BEACON), serializable: true });
  const { text } = await callHttp(`${endpoint}/v3/kv/range`, { method: 'POST', body });
  return Number((JSON.parse(text) as { kvs: { mod_revision: string }[] }).kvs[0]?.mod_revision);
}

/** Writes a key at exactly this member. */
export async function putAt({ cell }: World, { endpoint }: EtcdMember, key: string, value: string): Promise<void> {
  const isV2 = cell.api === 'v2';
  const { status, text } = isV2
    ? await callHttp(`${endpoint}/v2/keys${key}`, { method: 'PUT', ...form({ value }) })
    : await callHttp(`${endpoint}/v3/kv/put`, {
        method: 'POST',
        body: JSON.stringify({ key: toBase64(key), value: toBase64(value) }),
      });
  if (status >= 300) throw new Error(`${endpoint} answered ${status} to a write: ${text}`);
}

/** Waits for a random time, in milliseconds, while a fault lasts. */
export async function linger(random: Random, low: number, high: number): Promise<number> {
  const ms = random.between(low, high);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return ms;
}
