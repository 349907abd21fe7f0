// Written by .ci/etcd-messages.mjs from proto/rpc.proto of etcd3: run it after a change of etcd3 or of rpc.ts.

/** One field of a message: its number, its name, and how it is written. */
export interface MessageField {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  /** The name of the message or enum that it holds. */
  readonly of?: string;
  readonly repeated?: boolean;
  /** Of the fields with the same name here, one is set. */
  readonly oneof?: string;
}

/** The request and the answer of each method. */
export const METHODS: Readonly<
  Record<string, Readonly<Record<string, { readonly request: string; readonly response: string }>>>
> = {
  KV: {
    Range: { request: 'etcdserverpb.RangeRequest', response: 'etcdserverpb.RangeResponse' },
    Put: { request: 'etcdserverpb.PutRequest', response: 'etcdserverpb.PutResponse' },
    DeleteRange: { request: 'etcdserverpb.DeleteRangeRequest', response: 'etcdserverpb.DeleteRangeResponse' },
    Txn: { request: 'etcdserverpb.TxnRequest', response: 'etcdserverpb.TxnResponse' },
    Compact: { request: 'etcdserverpb.CompactionRequest', response: 'etcdserverpb.CompactionResponse' },
  },
  Lease: {
    LeaseGrant: { request: 'etcdserverpb.LeaseGrantRequest', response: 'etcdserverpb.LeaseGrantResponse' },
    LeaseRevoke: { request: 'etcdserverpb.LeaseRevokeRequest', response: 'etcdserverpb.LeaseRevokeResponse' },
    LeaseTimeToLive: {
      request: 'etcdserverpb.LeaseTimeToLiveRequest',
      response: 'etcdserverpb.LeaseTimeToLiveResponse',
    },
    LeaseLeases: { request: 'etcdserverpb.LeaseLeasesRequest', response: 'etcdserverpb.LeaseLeasesResponse' },
    LeaseKeepAlive: { request: 'etcdserverpb.LeaseKeepAliveRequest', response: 'etcdserverpb.LeaseKeepAliveResponse' },
  },
  Auth: {
    Authenticate: { request: 'etcdserverpb.AuthenticateRequest', response: 'etcdserverpb.AuthenticateResponse' },
  },
  Maintenance: { Status: { request: 'etcdserverpb.StatusRequest', response: 'etcdserverpb.StatusResponse' } },
  Cluster: { MemberList: { request: 'etcdserverpb.MemberListRequest', response: 'etcdserverpb.MemberListResponse' } },
  Watch: { Watch: { request: 'etcdserverpb.WatchRequest', response: 'etcdserverpb.WatchResponse' } },
};

/** The fields of each message. */
export const MESSAGES: Readonly<Record<string, readonly MessageField[]>> = {
  'etcdserverpb.RangeRequest': [
    { id: 1, name: 'key', kind: 'bytes' },
    { id: 2, name: 'range_end', kind: 'bytes' },
    { id: 3, name: 'limit', kind: 'int64' },
    { id: 4, name: 'revision', kind: 'int64' },
    { id: 5, name: 'sort_order', kind: 'enum', of: 'etcdserverpb.RangeRequest.SortOrder' },
    { id: 6, name: 'sort_target', kind: 'enum', of: 'etcdserverpb.RangeRequest.SortTarget' },
    { id: 7, name: 'serializable', kind: 'bool' },
    { id: 8, name: 'keys_only', kind: 'bool' },
    { id: 9, name: 'count_only', kind: 'bool' },
    { id: 10, name: 'min_mod_revision', kind: 'int64' },
    { id: 11, name: 'max_mod_revision', kind: 'int64' },
    { id: 12, name: 'min_create_revision', kind: 'int64' },
    { id: 13, name: 'max_create_revision', kind: 'int64' },
  ],
  'etcdserverpb.RangeResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'kvs', kind: 'message', of: 'mvccpb.KeyValue', repeated: true },
    { id: 3, name: 'more', kind: 'bool' },
    { id: 4, name: 'count', kind: 'int64' },
  ],
  'etcdserverpb.ResponseHeader': [
    { id: 1, name: 'cluster_id', kind: 'uint64' },
    { id: 2, name: 'member_id', kind: 'uint64' },
    { id: 3, name: 'revision', kind: 'int64' },
    { id: 4, name: 'raft_term', kind: 'uint64' },
  ],
  'mvccpb.KeyValue': [
    { id: 1, name: 'key', kind: 'bytes' },
    { id: 2, name: 'create_revision', kind: 'int64' },
    { id: 3, name: 'mod_revision', kind: 'int64' },
    { id: 4, name: 'version', kind: 'int64' },
    { id: 5, name: 'value', kind: 'bytes' },
    { id: 6, name: 'lease', kind: 'int64' },
  ],
  'etcdserverpb.PutRequest': [
    { id: 1, name: 'key', kind: 'bytes' },
    { id: 2, name: 'value', kind: 'bytes' },
    { id: 3, name: 'lease', kind: 'int64' },
    { id: 4, name: 'prev_kv', kind: 'bool' },
    { id: 5, name: 'ignore_value', kind: 'bool' },
    { id: 6, name: 'ignore_lease', kind: 'bool' },
  ],
  'etcdserverpb.PutResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'prev_kv', kind: 'message', of: 'mvccpb.KeyValue' },
  ],
  'etcdserverpb.DeleteRangeRequest': [
    { id: 1, name: 'key', kind: 'bytes' },
    { id: 2, name: 'range_end', kind: 'bytes' },
    { id: 3, name: 'prev_kv', kind: 'bool' },
  ],
  'etcdserverpb.DeleteRangeResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'deleted', kind: 'int64' },
    { id: 3, name: 'prev_kvs', kind: 'message', of: 'mvccpb.KeyValue', repeated: true },
  ],
  'etcdserverpb.TxnRequest': [
    { id: 1, name: 'compare', kind: 'message', of: 'etcdserverpb.Compare', repeated: true },
    { id: 2, name: 'success', kind: 'message', of: 'etcdserverpb.RequestOp', repeated: true },
    { id: 3, name: 'failure', kind: 'message', of: 'etcdserverpb.RequestOp', repeated: true },
  ],
  'etcdserverpb.Compare': [
    { id: 1, name: 'result', kind: 'enum', of: 'etcdserverpb.Compare.CompareResult' },
    { id: 2, name: 'target', kind: 'enum', of: 'etcdserverpb.Compare.CompareTarget' },
    { id: 3, name: 'key', kind: 'bytes' },
    { id: 4, name: 'version', kind: 'int64', oneof: 'target_union' },
    { id: 5, name: 'create_revision', kind: 'int64', oneof: 'target_union' },
    { id: 6, name: 'mod_revision', kind: 'int64', oneof: 'target_union' },
    { id: 7, name: 'value', kind: 'bytes', oneof: 'target_union' },
    { id: 8, name: 'lease', kind: 'int64', oneof: 'target_union' },
    { id: 64, name: 'range_end', kind: 'bytes' },
  ],
  'etcdserverpb.RequestOp': [
    { id: 1, name: 'request_range', kind: 'message', of: 'etcdserverpb.RangeRequest', oneof: 'request' },
    { id: 2, name: 'request_put', kind: 'message', of: 'etcdserverpb.PutRequest', oneof: 'request' },
    { id: 3, name: 'request_delete_range', kind: 'message', of: 'etcdserverpb.DeleteRangeRequest', oneof: 'request' },
    { id: 4, name: 'request_txn', kind: 'message', of: 'etcdserverpb.TxnRequest', oneof: 'request' },
  ],
  'etcdserverpb.TxnResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'succeeded', kind: 'bool' },
    { id: 3, name: 'responses', kind: 'message', of: 'etcdserverpb.ResponseOp', repeated: true },
  ],
  'etcdserverpb.ResponseOp': [
    { id: 1, name: 'response_range', kind: 'message', of: 'etcdserverpb.RangeResponse', oneof: 'response' },
    { id: 2, name: 'response_put', kind: 'message', of: 'etcdserverpb.PutResponse', oneof: 'response' },
    {
      id: 3,
      name: 'response_delete_range',
      kind: 'message',
      of: 'etcdserverpb.DeleteRangeResponse',
      oneof: 'response',
    },
    { id: 4, name: 'response_txn', kind: 'message', of: 'etcdserverpb.TxnResponse', oneof: 'response' },
  ],
  'etcdserverpb.CompactionRequest': [
    { id: 1, name: 'revision', kind: 'int64' },
    { id: 2, name: 'physical', kind: 'bool' },
  ],
  'etcdserverpb.CompactionResponse': [{ id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' }],
  'etcdserverpb.LeaseGrantRequest': [
    { id: 1, name: 'TTL', kind: 'int64' },
    { id: 2, name: 'ID', kind: 'int64' },
  ],
  'etcdserverpb.LeaseGrantResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'ID', kind: 'int64' },
    { id: 3, name: 'TTL', kind: 'int64' },
    { id: 4, name: 'error', kind: 'string' },
  ],
  'etcdserverpb.LeaseRevokeRequest': [{ id: 1, name: 'ID', kind: 'int64' }],
  'etcdserverpb.LeaseRevokeResponse': [{ id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' }],
  'etcdserverpb.LeaseTimeToLiveRequest': [
    { id: 1, name: 'ID', kind: 'int64' },
    { id: 2, name: 'keys', kind: 'bool' },
  ],
  'etcdserverpb.LeaseTimeToLiveResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'ID', kind: 'int64' },
    { id: 3, name: 'TTL', kind: 'int64' },
    { id: 4, name: 'grantedTTL', kind: 'int64' },
    { id: 5, name: 'keys', kind: 'bytes', repeated: true },
  ],
  'etcdserverpb.LeaseLeasesRequest': [],
  'etcdserverpb.LeaseLeasesResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'leases', kind: 'message', of: 'etcdserverpb.LeaseStatus', repeated: true },
  ],
  'etcdserverpb.LeaseStatus': [{ id: 1, name: 'ID', kind: 'int64' }],
  'etcdserverpb.LeaseKeepAliveRequest': [{ id: 1, name: 'ID', kind: 'int64' }],
  'etcdserverpb.LeaseKeepAliveResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'ID', kind: 'int64' },
    { id: 3, name: 'TTL', kind: 'int64' },
  ],
  'etcdserverpb.AuthenticateRequest': [
    { id: 1, name: 'name', kind: 'string' },
    { id: 2, name: 'password', kind: 'string' },
  ],
  'etcdserverpb.AuthenticateResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'token', kind: 'string' },
  ],
  'etcdserverpb.StatusRequest': [],
  'etcdserverpb.StatusResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'version', kind: 'string' },
    { id: 3, name: 'dbSize', kind: 'int64' },
    { id: 4, name: 'leader', kind: 'uint64' },
    { id: 5, name: 'raftIndex', kind: 'uint64' },
    { id: 6, name: 'raftTerm', kind: 'uint64' },
    { id: 7, name: 'raftAppliedIndex', kind: 'uint64' },
    { id: 8, name: 'errors', kind: 'string', repeated: true },
    { id: 9, name: 'dbSizeInUse', kind: 'int64' },
    { id: 10, name: 'isLearner', kind: 'bool' },
  ],
  'etcdserverpb.MemberListRequest': [{ id: 1, name: 'linearizable', kind: 'bool' }],
  'etcdserverpb.MemberListResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'members', kind: 'message', of: 'etcdserverpb.Member', repeated: true },
  ],
  'etcdserverpb.Member': [
    { id: 1, name: 'ID', kind: 'uint64' },
    { id: 2, name: 'name', kind: 'string' },
    { id: 3, name: 'peerURLs', kind: 'string', repeated: true },
    { id: 4, name: 'clientURLs', kind: 'string', repeated: true },
    { id: 5, name: 'isLearner', kind: 'bool' },
  ],
  'etcdserverpb.WatchRequest': [
    { id: 1, name: 'create_request', kind: 'message', of: 'etcdserverpb.WatchCreateRequest', oneof: 'request_union' },
    { id: 2, name: 'cancel_request', kind: 'message', of: 'etcdserverpb.WatchCancelRequest', oneof: 'request_union' },
    {
      id: 3,
      name: 'progress_request',
      kind: 'message',
      of: 'etcdserverpb.WatchProgressRequest',
      oneof: 'request_union',
    },
  ],
  'etcdserverpb.WatchCreateRequest': [
    { id: 1, name: 'key', kind: 'bytes' },
    { id: 2, name: 'range_end', kind: 'bytes' },
    { id: 3, name: 'start_revision', kind: 'int64' },
    { id: 4, name: 'progress_notify', kind: 'bool' },
    { id: 5, name: 'filters', kind: 'enum', of: 'etcdserverpb.WatchCreateRequest.FilterType', repeated: true },
    { id: 6, name: 'prev_kv', kind: 'bool' },
    { id: 7, name: 'watch_id', kind: 'int64' },
    { id: 8, name: 'fragment', kind: 'bool' },
  ],
  'etcdserverpb.WatchCancelRequest': [{ id: 1, name: 'watch_id', kind: 'int64' }],
  'etcdserverpb.WatchProgressRequest': [],
  'etcdserverpb.WatchResponse': [
    { id: 1, name: 'header', kind: 'message', of: 'etcdserverpb.ResponseHeader' },
    { id: 2, name: 'watch_id', kind: 'int64' },
    { id: 3, name: 'created', kind: 'bool' },
    { id: 4, name: 'canceled', kind: 'bool' },
    { id: 5, name: 'compact_revision', kind: 'int64' },
    { id: 6, name: 'cancel_reason', kind: 'string' },
    { id: 7, name: 'fragment', kind: 'bool' },
    { id: 11, name: 'events', kind: 'message', of: 'mvccpb.Event', repeated: true },
  ],
  'mvccpb.Event': [
    { id: 1, name: 'type', kind: 'enum', of: 'mvccpb.Event.EventType' },
    { id: 2, name: 'kv', kind: 'message', of: 'mvccpb.KeyValue' },
    { id: 3, name: 'prev_kv', kind: 'message', of: 'mvccpb.KeyValue' },
  ],
};

/** The numbers of each enum's names. */
export const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'etcdserverpb.RangeRequest.SortOrder': { None: 0, Ascend: 1, Descend: 2 },
  'etcdserverpb.RangeRequest.SortTarget': { Key: 0, Version: 1, Create: 2, Mod: 3, Value: 4 },
  'etcdserverpb.Compare.CompareResult': { Equal: 0, Greater: 1, Less: 2, NotEqual: 3 },
  'etcdserverpb.Compare.CompareTarget': { Version: 0, Create: 1, Mod: 2, Value: 3, Lease: 4 },
  'etcdserverpb.WatchCreateRequest.FilterType': { Noput: 0, Nodelete: 1 },
  'mvccpb.Event.EventType': { Put: 0, Delete: 1 },
};
