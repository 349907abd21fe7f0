import type { Etcd } from '@holdfast/testkit';

const ROOT = '--user=root:rootpw';

export const APP = { username: 'app', password: 'apppw' };

/** Turns authentication on, with a user `app` whose role `app` may read and write these prefixes. */
export async function enableAuth(
  etcd: Etcd,
  prefixes: readonly string[],
  password: string = APP.password,
): Promise<void> {
  await etcd.ctl('user', 'add', 'root:rootpw');
  await etcd.ctl('user', 'grant-role', 'root', 'root');
  await etcd.ctl('role', 'add', 'app');
  await etcd.ctl('user', 'add', `app:${password}`);
  await etcd.ctl('user', 'grant-role', 'app', 'app');
  for (const prefix of prefixes)
    await etcd.ctl('role', 'grant-permission', 'app', '--prefix=true', 'readwrite', prefix);
  await etcd.ctl('auth', 'enable');
}

export async function grant(etcd: Etcd, prefix: string): Promise<void> {
  await etcd.ctl(ROOT, 'role', 'grant-permission', 'app', '--prefix=true', 'readwrite', prefix);
}

export async function revoke(etcd: Etcd, prefix: string): Promise<void> {
  await etcd.ctl(ROOT, 'role', 'revoke-permission', 'app', '--prefix=true', prefix);
}

/** Gives `app` another password. */
export async function changePassword(etcd: Etcd, password: string): Promise<void> {
  await etcd.ctlWith(`${password}\n`, ROOT, 'user', 'passwd', 'app', '--interactive=false');
}

/** One write, by root: etcdctl takes a moment, but needs no client of ours. */
export async function putAsRoot(etcd: Etcd, key: string, value: string): Promise<void> {
  await etcd.ctl(ROOT, 'put', key, value);
}
