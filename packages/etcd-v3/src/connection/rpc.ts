import type {
  IAuthenticateRequest,
  IAuthenticateResponse,
  ICompactionRequest,
  ICompactionResponse,
  IDeleteRangeRequest,
  IDeleteRangeResponse,
  ILeaseGrantRequest,
  ILeaseGrantResponse,
  ILeaseKeepAliveRequest,
  ILeaseKeepAliveResponse,
  ILeaseLeasesRequest,
  ILeaseLeasesResponse,
  ILeaseRevokeRequest,
  ILeaseRevokeResponse,
  ILeaseTimeToLiveRequest,
  ILeaseTimeToLiveResponse,
  IMemberListRequest,
  IMemberListResponse,
  IPutRequest,
  IPutResponse,
  IRangeRequest,
  IStatusRequest,
  IStatusResponse,
  ITxnRequest,
  ITxnResponse,
  IWatchRequest,
  IWatchResponse,
  Services,
} from 'etcd3';
import { decodeMessage } from '../protobuf/message-codec.js';
import { afterEvents } from '../protobuf/watch.js';
import type { Cut } from '../protobuf/wire.js';

export type ServiceName = keyof typeof Services;

/** One of etcd's RPCs by its name in the service definitions (`definitions.ts`), which say how messages are encoded. */
export interface Rpc<Request, Response> {
  readonly service: ServiceName;
  readonly method: string;
  /**
   * A call that processes make which only read. Its messages are defined by ourselves, from the file of `etcd3`, so that those
   * processes don't load that package: with protobufjs it takes 3 MB of memory, and 50 ms.
   */
  readonly isOurs?: true;
  /** Replaces the service definition's own decoder. */
  readonly decode?: (bytes: Buffer) => Response;
  /** Etcd's answers are never longer, in bytes. Decoded, a message can take two hundred times its length. */
  readonly maxBytes?: number;
  /** Carries the types; never set. */
  readonly types?: (request: Request) => Response;
}

/** A method with only its path: its messages are encoded elsewhere. */
export interface StreamRpc extends Pick<Rpc<unknown, unknown>, 'service' | 'method'> {
  /** Where its messages may be cut, if a long one may be taken in parts, while the rest of it is on its way. */
  readonly cut?: Cut;
}

/** Raw responses, for the calls that carry most bytes: our own readers take a fraction of the time of `etcd3`'s. */
const raw = (bytes: Buffer): Buffer => bytes;

const OURS = { isOurs: true } as const;

/** The most bytes of an answer that is not about keys. */
const SMALL = { maxBytes: 262_144 } as const;

/** Our own decoder, where it takes less time than that of `etcd3`, and gives the same. */
function decodedBy<Response>(type: string): { readonly decode: (bytes: Buffer) => Response } {
  return { decode: (bytes) => decodeMessage(type, bytes) as Response };
}

export const RANGE: Rpc<IRangeRequest, Buffer> = { service: 'KV', method: 'Range', decode: raw, ...OURS };
/** The same in chunks, from etcd 3.7 on. `etcd3` does not know it: its request is encoded as that of {@link RANGE}. */
export const RANGE_STREAM: StreamRpc = { service: 'KV', method: 'RangeStream' };
export const PUT: Rpc<IPutRequest, IPutResponse> = {
  service: 'KV',
  method: 'Put',
  ...decodedBy('etcdserverpb.PutResponse'),
};
export const DELETE_RANGE: Rpc<IDeleteRangeRequest, IDeleteRangeResponse> = {
  service: 'KV',
  method: 'DeleteRange',
  ...decodedBy('etcdserverpb.DeleteRangeResponse'),
};
export const TXN: Rpc<ITxnRequest, ITxnResponse> = {
  service: 'KV',
  method: 'Txn',
  ...decodedBy('etcdserverpb.TxnResponse'),
};
/** The same call, if it writes nothing. */
export const READ_TXN: Rpc<ITxnRequest, ITxnResponse> = { ...TXN, ...OURS };
export const COMPACT: Rpc<ICompactionRequest, ICompactionResponse> = { service: 'KV', method: 'Compact', ...SMALL };

export const LEASE_GRANT: Rpc<ILeaseGrantRequest, ILeaseGrantResponse> = {
  service: 'Lease',
  method: 'LeaseGrant',
  ...SMALL,
};
export const LEASE_REVOKE: Rpc<ILeaseRevokeRequest, ILeaseRevokeResponse> = {
  service: 'Lease',
  method: 'LeaseRevoke',
  ...SMALL,
};
export const LEASE_TIME_TO_LIVE: Rpc<ILeaseTimeToLiveRequest, ILeaseTimeToLiveResponse> = {
  service: 'Lease',
  method: 'LeaseTimeToLive',
};
export const LEASE_LEASES: Rpc<ILeaseLeasesRequest, ILeaseLeasesResponse> = { service: 'Lease', method: 'LeaseLeases' };
/** A stream in both directions, like the watch. */
export const LEASE_KEEP_ALIVE: Rpc<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse> = {
  service: 'Lease',
  method: 'LeaseKeepAlive',
  ...SMALL,
};

export const AUTHENTICATE: Rpc<IAuthenticateRequest, IAuthenticateResponse> = {
  service: 'Auth',
  method: 'Authenticate',
  ...OURS,
  ...SMALL,
};
export const STATUS: Rpc<IStatusRequest, IStatusResponse> = {
  service: 'Maintenance',
  method: 'Status',
  ...OURS,
  ...SMALL,
};
export const MEMBER_LIST: Rpc<IMemberListRequest, IMemberListResponse> = {
  service: 'Cluster',
  method: 'MemberList',
  ...OURS,
  ...SMALL,
};
/** The same call, if only the answer's header matters. */
export const MEMBER_HEADER: Rpc<IMemberListRequest, Buffer> = {
  service: 'Cluster',
  method: 'MemberList',
  decode: raw,
  ...OURS,
  ...SMALL,
};

/** A stream in both directions, on raw messages: the watch has a codec of its own. */
export const WATCH: StreamRpc = { service: 'Watch', method: 'Watch', cut: afterEvents };
/** The same method with its messages decoded: for a single question. */
export const WATCH_QUESTION: Rpc<IWatchRequest, IWatchResponse> = { service: 'Watch', method: 'Watch', ...OURS };
