import type { IResponseHeader } from 'etcd3';
import { HEADER, HEADER_TAG } from './fields.js';
import { WireReader } from './wire.js';

/** The cluster and revision from an answer's header. */
export interface AnswerPoint {
  /** Decimal, because it may be past the safe integers. */
  readonly clusterId: string;
  /** Of the member that answered, decimal; `'0'` where the header does not tell it. */
  readonly memberId: string;
  /** The head when it answered; 0 if the header does not have it. */
  readonly revision: number;
}

/**
 * Reads the header of any answer, decoded or raw: it is always field 1. `undefined` if it names no cluster, because some proxies leave that
 * out. It does not check the answer itself.
 */
export function answerPoint(answer: unknown): AnswerPoint | undefined {
  if (answer instanceof Uint8Array) return fromBytes(answer as Buffer);
  const { header } = (answer ?? {}) as { readonly header?: IResponseHeader | null };
  if (header === undefined || header === null || header.cluster_id === '0') return undefined;
  return { clusterId: header.cluster_id, memberId: header.member_id, revision: Number(header.revision) };
}

function fromBytes(buffer: Buffer): AnswerPoint | undefined {
  const reader = new WireReader(buffer);
  let clusterId = '0';
  let memberId = '0';
  let revision = 0;
  try {
    // etcd writes the header first.
    if (reader.done || reader.tag() !== HEADER) return undefined;
    reader.descend();
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === HEADER_TAG.cluster_id) clusterId = reader.uint64String();
      else if (tag === HEADER_TAG.member_id) memberId = reader.uint64String();
      else if (tag === HEADER_TAG.revision) revision = reader.int64();
      else reader.skip(tag);
    }
  } catch {
    // The decoder of the answer reports the fault.
    return undefined;
  }
  return clusterId === '0' ? undefined : { clusterId, memberId, revision };
}
