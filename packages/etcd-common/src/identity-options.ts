import { StoreError } from '@holdfast/store';

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
  if (identity === undefined) return {};
  if (typeof identity !== 'object' || identity === null || Array.isArray(identity)) {
    throw invalid('the option identity takes an object: { acceptAfterMs }');
  }
  const unknown = Object.keys(identity).find((name) => name !== 'acceptAfterMs');
  if (unknown !== undefined) throw invalid(`identity has no option ${JSON.stringify(unknown)}; it takes acceptAfterMs`);
  const { acceptAfterMs } = identity as EtcdIdentityOptions;
  if (acceptAfterMs === undefined) return {};
  if (typeof acceptAfterMs !== 'number' || !(acceptAfterMs > 0 && acceptAfterMs < 2 ** 31)) {
    throw invalid(
      `identity.acceptAfterMs must be a number of milliseconds above 0 and below 2^31, not ${String(acceptAfterMs)}`,
    );
  }
  return { acceptAfterMs };
}

function invalid(message: string): StoreError {
  return new StoreError('invalid-argument', message);
}
