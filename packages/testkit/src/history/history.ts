import type {
  Bookmark,
  CompactOptions,
  DeleteGuard,
  DeleteOptions,
  DeleteResult,
  GetOptions,
  GuardedDeleteResult,
  GuardedPutResult,
  KeyValue,
  ListOptions,
  ListResult,
  PutGuard,
  PutOptions,
  PutResult,
  Range,
  StoreError,
  Txn,
  TxnResult,
  ValueInput,
  WatchBatch,
  WatchOptions,
  WatchState,
} from '@holdfast/store';

/**
 * A moment of a recorded history: a number that grows with every recorded thing, on all clients. Of two moments the lower
 * one came first; that is all it says.
 */
export type Moment = number;

/** What was asked of a store, and what it answered. */
export type Call =
  | { readonly type: 'get'; readonly key: string; readonly options: GetOptions; readonly answer?: KeyValue | undefined }
  | { readonly type: 'list'; readonly range: Range; readonly options: ListOptions; readonly answer?: ListResult }
  | {
      readonly type: 'put';
      readonly key: string;
      readonly value: ValueInput;
      readonly options: PutOptions & Partial<PutGuard>;
      readonly answer?: PutResult | GuardedPutResult;
    }
  | {
      readonly type: 'delete';
      readonly range: Range;
      readonly options: DeleteOptions & Partial<DeleteGuard>;
      readonly answer?: DeleteResult | GuardedDeleteResult;
    }
  | { readonly type: 'txn'; readonly txn: Txn; readonly answer?: TxnResult }
  | { readonly type: 'compact'; readonly revision: number; readonly options: CompactOptions };

/** How a call ended; a call that never came back has none. */
export type Outcome = { readonly status: 'answered' } | { readonly status: 'failed'; readonly error: StoreError };

/** One call, from its invocation to its return. */
export interface Operation {
  readonly client: string;
  readonly call: Call;
  readonly invokedAt: Moment;
  readonly returnedAt: Moment | undefined;
  readonly outcome: Outcome | undefined;
}

/** Something that a watch told. */
export type Delivery =
  | { readonly at: Moment; readonly type: 'ready'; readonly bookmark: Bookmark }
  | { readonly at: Moment; readonly type: 'batch'; readonly batch: WatchBatch }
  | { readonly at: Moment; readonly type: 'state'; readonly state: WatchState }
  | { readonly at: Moment; readonly type: 'end'; readonly error?: StoreError };

/** One watch, from its opening to its end. */
export interface WatchRecord {
  readonly client: string;
  readonly range: Range;
  readonly options: WatchOptions;
  readonly openedAt: Moment;
  readonly deliveries: readonly Delivery[];
}

/** What clients did and saw: what the checkers judge. */
export interface History {
  readonly operations: readonly Operation[];
  readonly watches: readonly WatchRecord[];
}
