import { checkMs, checkNames } from '@holdfast/store/adapter';

/** When a store accepts that its endpoints belong to another cluster than before. */
export interface EtcdIdentityOptions {
  /**
   * Also accept another cluster once, for this long in milliseconds, endpoints have reported it and none has reported the known one.
   * Default: never. Then more than half of the endpoints must report it, or, behind one name, all new connections of some seconds.
   */
  readonly acceptAfterMs?: number | undefined;
}

/** @throws StoreError `invalid-argument`, naming the option. */
export function checkIdentity(identity: unknown): EtcdIdentityOptions {
  const { acceptAfterMs } = checkNames(identity, ['acceptAfterMs'], 'the option identity');
  return acceptAfterMs === undefined ? {} : { acceptAfterMs: checkMs(acceptAfterMs, 'identity.acceptAfterMs') };
}
