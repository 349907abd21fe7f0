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
 * @returns a function that gives the current user. What the user's own function returns is not checked yet.
 */
export function checkAuth(
  auth: EtcdCredentials | (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined,
  check: (auth: unknown) => EtcdCredentials,
): (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined {
  if (auth === undefined || typeof auth === 'function') return auth;
  const checked = check(auth);
  return () => checked;
}
