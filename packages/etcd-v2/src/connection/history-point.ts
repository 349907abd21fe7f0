import type { Revision } from '@holdfast/store';
import { isIndex } from '../json/codec.js';
import type { ResponseHead } from './http-exchange.js';

/** The history in an answer's headers. */
export interface HistoryPoint {
  /** The store's index; `undefined` if the answer has none. */
  readonly index: Revision | undefined;
  /** The cluster's id, hexadecimal as etcd sends it; empty if the answer has none. */
  readonly identity: string;
  /** Raft's term. Errors don't have it. */
  readonly raftTerm: number | undefined;
}

/** Never throws: a header in another form than etcd's counts as missing. */
export function pointOf({ headers }: ResponseHead): HistoryPoint {
  const index = numberIn(headers['x-etcd-index']);
  const identity = headers['x-etcd-cluster-id'];
  return {
    index: isIndex(index) ? index : undefined,
    identity: typeof identity === 'string' && /^[0-9a-f]{1,16}$/.test(identity) ? identity : '',
    raftTerm: numberIn(headers['x-raft-term']),
  };
}

function numberIn(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string' || !/^\d{1,16}$/.test(header)) return undefined;
  const number = Number(header);
  return Number.isSafeInteger(number) ? number : undefined;
}
