import type { Revision } from '@holdfast/store';
import type { IResponseHeader } from 'etcd3';
import { badAnswer, safeInteger, serverRevision } from './bad-answer.js';
import { fieldsOf, HEADER, HEADER_TAG } from './fields.js';
import { WireReader } from './wire.js';

/** The header of an answer, as it was sent. */
export interface RawHeader {
  /** Decimal, because it may be past the safe integers; `'0'` where a proxy does not tell. */
  readonly clusterId: string;
  /** The answering member's head, also in a watch's catch-up (docs/traps.md#trap-1); 0 in a cancellation. */
  readonly revision: number;
  readonly raftTerm: number;
}

/** The header of an answer that tells where the store is. */
export interface ResponseHeader extends RawHeader {
  /** The store's head when it answered. */
  readonly revision: Revision;
}

export const NO_HEADER: RawHeader = { clusterId: '0', revision: 0, raftTerm: 0 };

// The member's id is not read: formatting ids is what takes time here.
const { cluster_id: CLUSTER_ID, revision: REVISION, raft_term: RAFT_TERM } = HEADER_TAG;
const FIELDS = fieldsOf({ CLUSTER_ID, REVISION, RAFT_TERM });

/** Reads a header whose tag has been read. */
export function readRawHeader(reader: WireReader): RawHeader {
  const outer = reader.descend();
  let clusterId = '0';
  let revision = 0;
  let raftTerm = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === CLUSTER_ID) clusterId = reader.uint64String();
    else if (tag === REVISION) revision = reader.int64();
    else if (tag === RAFT_TERM) raftTerm = reader.int64();
    else reader.skip(tag, FIELDS);
  }
  reader.ascend(outer);
  return { clusterId, revision, raftTerm };
}

/** The same, of an answer that must tell a revision. @throws StoreError `internal` if it does not */
export function readHeader(reader: WireReader): ResponseHeader {
  const { clusterId, revision, raftTerm } = readRawHeader(reader);
  return { clusterId, revision: serverRevision(revision, 'the revision of an answer'), raftTerm };
}

/** The header of any of etcd's responses. It is always field 1. */
export function decodeHeader(buffer: Buffer): ResponseHeader {
  const reader = new WireReader(buffer);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === HEADER) return readHeader(reader);
    reader.skip(tag);
  }
  return missingHeader();
}

/**
 * A header as `etcd3`'s definitions decode it, checked.
 *
 * @throws StoreError `internal` if the header is missing, although the typings require it, or has values that etcd never sends.
 */
export function fromProtoHeader(header: IResponseHeader | null | undefined): ResponseHeader {
  if (header === undefined || header === null) return missingHeader();
  return checkHeader({
    clusterId: header.cluster_id,
    revision: serverRevision(safeInteger(header.revision), 'the revision of an answer'),
    raftTerm: safeInteger(header.raft_term),
  });
}

/** Checks that a bookmark can be made of the header. @throws StoreError `internal` if it names no cluster */
export function checkHeader(header: ResponseHeader): ResponseHeader {
  if (header.clusterId === '0') throw badAnswer('etcd sent an answer that names no cluster');
  if (header.raftTerm < 0) throw badAnswer(`etcd sent ${header.raftTerm} as its raft term`);
  return header;
}

export function missingHeader(): never {
  throw badAnswer('etcd sent an answer without a header');
}
