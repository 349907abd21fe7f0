import type { ValueInput } from './bytes.js';
import type { KeyValue, LeaseId } from './key-value.js';
import type { CallOptions, DeleteResult, ListOptions, ListResult, PutOptions, PutResult } from './options.js';
import type { Range } from './range.js';
import type { Revision } from './revision.js';

export type CompareOperator = '=' | '!=' | '<' | '>';

/**
 * One condition of a transaction, on a key or on every key of a range. Version, create revision, mod revision and lease of
 * an absent key are 0. A `value` compare on it is false, with `!=` too.
 */
export type Compare = ({ readonly key: string } | { readonly range: Range }) & { readonly op: CompareOperator } & (
    | { readonly target: 'value'; readonly value: ValueInput }
    | { readonly target: 'version' | 'createRevision' | 'modRevision'; readonly value: number }
    | { readonly target: 'lease'; readonly value: LeaseId | 0 }
  );

export type TxnListOptions = Omit<ListOptions, keyof CallOptions | 'consistency'>;

export type Op =
  | ({ readonly type: 'put'; readonly key: string; readonly value: ValueInput } & Omit<
      PutOptions,
      keyof CallOptions | 'ttl'
    >)
  | { readonly type: 'delete'; readonly range: Range; readonly previous?: boolean | undefined }
  | { readonly type: 'get'; readonly key: string }
  | ({ readonly type: 'list'; readonly range: Range } & TxnListOptions)
  | { readonly type: 'txn'; readonly txn: Txn };

/** Runs the `then` operations if every compare holds, otherwise the `else` ones: atomically, at one revision. */
export interface Txn {
  readonly if?: readonly Compare[];
  readonly then?: readonly Op[];
  readonly else?: readonly Op[];
}

export type OpResult =
  | ({ readonly type: 'put' } & PutResult)
  | ({ readonly type: 'delete' } & DeleteResult)
  | { readonly type: 'get'; readonly item: KeyValue | undefined }
  | ({ readonly type: 'list' } & ListResult)
  | ({ readonly type: 'txn' } & TxnResult);

export interface TxnResult {
  /** Whether the compares held, and so which branch ran. */
  readonly succeeded: boolean;
  readonly revision: Revision;
  /** One result for each operation of the branch that ran, in order. */
  readonly results: readonly OpResult[];
}
