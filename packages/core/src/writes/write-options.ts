import type { DeleteGuard, DeleteOptions, OneGuard, Op, PutGuard, PutOptions } from '@holdfast/store';

/** Options of a typed write: the store's, but `ignoreValue`, which would leave out the value. */
export type TypedPutOptions = Omit<PutOptions, 'ignoreValue'>;

/** The guard of a mirror's own: the write is made if the store has the key as the mirror knows it. */
export interface IfUnchanged {
  /**
   * Guards the write by the revision that the mirror knows of the key: that of the bad value for one that is listed in `problems()`; and by
   * the key's absence where the mirror knows no such key.
   */
  readonly ifUnchanged: true;
  readonly ifAbsent?: OneGuard;
  readonly ifPresent?: OneGuard;
  readonly ifModRevision?: OneGuard;
  readonly ifValue?: OneGuard;
}

/** The condition of a typed put: exactly one, the store's or `ifUnchanged`. */
export type TypedPutGuard = (PutGuard & { readonly ifUnchanged?: OneGuard }) | IfUnchanged;

/** The condition of a typed delete: exactly one, the store's or `ifUnchanged`. */
export type TypedDeleteGuard =
  (DeleteGuard & { readonly ifUnchanged?: OneGuard }) | Omit<IfUnchanged, 'ifAbsent' | 'ifPresent'>;

/** Options of an operation for `store.txn()`. */
export type PutOpOptions = Pick<PutOptions, 'lease' | 'previous' | 'ignoreLease'>;

/** A put that was checked, for `store.txn()`. */
export type PutOp = Extract<Op, { readonly type: 'put' }>;

/** Options as a caller may have written them, with any guard or none. */
export type AnyPutOptions = TypedPutOptions & Partial<Record<PutGuardName, unknown>>;
export type AnyDeleteOptions = DeleteOptions & Partial<Record<DeleteGuardName, unknown>>;

type PutGuardName = 'ifUnchanged' | 'ifAbsent' | 'ifPresent' | 'ifModRevision' | 'ifValue';
type DeleteGuardName = 'ifUnchanged' | 'ifModRevision' | 'ifValue';

const CALL_NAMES = ['signal', 'timeoutMs', 'previous'];

export const PUT_NAMES: readonly string[] = [
  ...['ifUnchanged', 'ifAbsent', 'ifPresent', 'ifModRevision', 'ifValue', 'lease', 'ttl', 'ignoreLease'],
  ...CALL_NAMES,
];
export const DELETE_NAMES: readonly string[] = ['ifUnchanged', 'ifModRevision', 'ifValue', ...CALL_NAMES];
export const PUT_OP_NAMES: readonly string[] = ['lease', 'previous', 'ignoreLease'];
