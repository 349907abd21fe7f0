import { isStoreError } from '@holdfast/store';
import { failed, note, ok, problem, type Finding } from './finding.js';
import { isLoopback } from './tls.js';
import type { Use } from './use.js';

/** Whether the store asks who somebody is. */
export async function authFindings(
  hasUser: boolean,
  endpoints: readonly string[],
  anonymous: Omit<Use, 'timeoutMs'>,
): Promise<Finding[]> {
  const { store, range, signal } = anonymous;
  let isOpen: boolean;
  try {
    await store.list(range, { countOnly: true, signal });
    isOpen = true;
  } catch (error) {
    signal.throwIfAborted();
    if (!isStoreError(error, 'unauthenticated') && !isStoreError(error, 'permission-denied')) {
      return [failed('auth', error, 'without a user')];
    }
    isOpen = false;
  }
  if (!isOpen) {
    if (hasUser) return [ok('auth', 'the store asks for a user, and knows this one')];
    return [
      problem('auth', 'the store asks for a user, and none is named', 'Name one with --user and --password-file.'),
    ];
  }
  const open = 'everyone who reaches the store can read these keys';
  if (hasUser)
    return [problem('auth', `${open}, without a user`, 'Turn authentication on, and take rights from guests.')];
  if (endpoints.every(isLoopback)) return [note('auth', `${open}; its endpoints are on this machine`)];
  return [problem('auth', open, 'Turn authentication on, or ask for client certificates.')];
}
