import { isDeepStrictEqual } from 'node:util';
import type { ConfigStore, KeyValue, ListOptions, Range, SortOrder } from '@holdfast/store';
import type { Outcome } from './outcome.js';
import { refusalsOf } from './refusals.js';
import type { Side } from './side.js';
import type { View } from './plan.js';

export interface Compared {
  readonly view: View;
  readonly method: string;
  /** As the memory store was given them. */
  readonly args: readonly unknown[];
}

export type Verdict = 'same' | 'another refusal' | 'different';

type Fields = Readonly<Record<string, unknown>>;

/** Whether two stores said the same, as far as anything is promised. `memory` is asked for what decides it. */
export async function compare(server: Outcome, expected: Outcome, call: Compared, memory: Side): Promise<Verdict> {
  if (isBroken(server) || isBroken(expected)) return 'different';
  if (server.is === 'refusal' && expected.is === 'refusal') {
    if (server.code === expected.code) return isDeepStrictEqual(server.says, expected.says) ? 'same' : 'different';
    // Of two codes, `compacted` alone has a revision.
    if (!isDeepStrictEqual(withoutRevision(server.says), withoutRevision(expected.says))) return 'different';
    const codes = await refusalsOf(call.method, call.args, memory.view(call.view));
    return codes.has(server.code) && codes.has(expected.code) ? 'another refusal' : 'different';
  }
  if (server.is !== 'answer' || expected.is !== 'answer') return 'different';
  if (isDeepStrictEqual(server.value, expected.value)) return 'same';
  if (call.method === 'delete')
    return isUncountedDelete(server.value as Fields, expected.value as Fields) ? 'same' : 'different';
  if (call.method !== 'list') return 'different';
  return (await differsInTiesAlone(server.value as Fields, expected.value as Fields, call, memory))
    ? 'same'
    : 'different';
}

function withoutRevision(says: unknown): unknown {
  return { ...(says as object), compactRevision: undefined };
}

/** Whether it is wrong whatever the other one said: an honest server gives no cause for `internal`, and memory is one. */
function isBroken(outcome: Outcome): boolean {
  return outcome.is === 'broken' || (outcome.is === 'refusal' && outcome.code === 'internal');
}

/** Etcd v2 does not count what it deletes with a directory. */
function isUncountedDelete(server: Fields, expected: Fields): boolean {
  const { deleted: _deleted, ...rest } = expected;
  return isDeepStrictEqual(server, rest);
}

/** What a list is sorted by has ties, and their order is not promised: nor, with a limit, which of them are told. */
async function differsInTiesAlone(server: Fields, expected: Fields, call: Compared, memory: Side): Promise<boolean> {
  const [range, options = {}] = call.args as [Range, ListOptions | undefined];
  const { sort, limit } = options;
  if (sort === undefined || sort.target === 'key') return false;
  const rest = ({ items: _items, undecodable, ...others }: Fields): Fields => ({
    ...others,
    ...(limit === undefined && { undecodable }),
  });
  if (!isDeepStrictEqual(rest(server), rest(expected))) return false;
  const whole = await wholeList(memory.view(call.view), range, options);
  const told = server['items'] as readonly Fields[];
  const own = expected['items'] as readonly Fields[];
  // Undecodable keys take part in the order, and stand apart from it in the answer: only their number is left to compare.
  const count = (fields: Fields): number => (fields['undecodable'] as readonly unknown[]).length;
  if (told.length + count(server) !== own.length + count(expected)) return false;
  if (new Set(told.map(({ key }) => key)).size < told.length) return false;
  const ranks = (items: readonly Fields[]): unknown[] => items.map(({ key }) => rankOf(whole.get(String(key)), sort));
  if (count(expected) === 0 && !isDeepStrictEqual(ranks(told), ranks(own))) return false;
  return told.every((item) =>
    isDeepStrictEqual(item, memory.translator.common(bare(whole.get(String(item['key'])), options))),
  );
}

async function wholeList(memory: ConfigStore, range: Range, { revision }: ListOptions): Promise<Map<string, KeyValue>> {
  const { items } = await memory.list(range, revision === undefined ? {} : { revision });
  return new Map(items.map((item) => [item.key, item]));
}

function rankOf(item: KeyValue | undefined, { target }: SortOrder): unknown {
  const rank = item?.[target];
  return rank instanceof Uint8Array ? Buffer.from(rank).toString('hex') : rank;
}

function bare(item: KeyValue | undefined, { keysOnly }: ListOptions): unknown {
  if (item === undefined || keysOnly !== true) return item;
  return { ...item, value: new Uint8Array(0), lease: undefined };
}
