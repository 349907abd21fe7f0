import { isStoreError, StoreError } from '@holdfast/store';
import { checkNames, invalidArgument } from '@holdfast/store/adapter';

/** A user of etcd's own user management. */
export interface EtcdCredentials {
  readonly username: string;
  readonly password: string;
}

/** @throws StoreError `invalid-argument`. The message never repeats the credentials. */
export function checkCredentials(auth: unknown): EtcdCredentials {
  const { username, password } = checkNames(auth, ['username', 'password'], 'the option auth');
  if (typeof username !== 'string' || username === '' || typeof password !== 'string') {
    throw invalidArgument('the option auth must be { username, password } of strings, or a function that returns that');
  }
  return { username, password };
}

/**
 * @param check what the API asks of a user, beside {@link checkCredentials}
 * @returns a function that gives the current user, checked. It rejects with `unauthenticated` if the user's own function fails or returns no
 *   user.
 * @throws StoreError `invalid-argument` for a user that is given as such
 */
export function checkAuth(
  auth: EtcdCredentials | (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined,
  check: (auth: unknown) => EtcdCredentials,
): (() => Promise<EtcdCredentials>) | undefined {
  if (auth === undefined) return undefined;
  if (typeof auth === 'function') return () => currentUser(auth, check);
  const checked = Promise.resolve(check(auth));
  return () => checked;
}

async function currentUser(
  auth: () => EtcdCredentials | Promise<EtcdCredentials>,
  check: (auth: unknown) => EtcdCredentials,
): Promise<EtcdCredentials> {
  try {
    return check(await auth());
  } catch (cause) {
    // The function's error may hold secrets, so it is kept as the cause and not repeated.
    const why = isStoreError(cause) ? cause.message : 'the function given as option auth failed';
    // It may work the next time: a watch waits for that.
    throw new StoreError('unauthenticated', `no user to authenticate with: ${why}`, { cause, retryable: true });
  }
}
