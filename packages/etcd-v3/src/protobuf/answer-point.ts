import type { IResponseHeader } from 'etcd3';
import { WireReader } from './wire.js';

/** What an answer's header tells of the cluster that gave it. */
export interface AnswerPoint {
  /** Decimal: past what a JavaScript number can hold. */
  readonly clusterId: string;
  /** Of the member that answered, decimal; `'0'` where the header does not tell it. */
  readonly memberId: string;
  /** The head when it answered; 0 where the header does not tell it. */
  readonly revision: number;
}

// Field numbers times 8 plus wire type, of api/etcdserverpb/rpc.proto.
const HEADER = 0x0a;
const CLUSTER_ID = 0x08;
const MEMBER_ID = 0x10;
const REVISION = 0x18;

/**
 * Reads the header of any answer, decoded or as it came: field 1 of each. `undefined` where it names no cluster, as some
 * proxies leave it out. Whether the answer itself is valid is not looked at here.
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
    // Etcd writes it first.
    if (reader.done || reader.tag() !== HEADER) return undefined;
    reader.descend();
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === CLUSTER_ID) clusterId = reader.uint64String();
      else if (tag === MEMBER_ID) memberId = reader.uint64String();
      else if (tag === REVISION) revision = reader.int64();
      else reader.skip(tag);
    }
  } catch {
    // Whoever decodes the answer says what is wrong with it.
    return undefined;
  }
  return clusterId === '0' ? undefined : { clusterId, memberId, revision };
}
