import type { Etcd } from '@holdfast/testkit';

const ROOT = '--user=root:rootpw';

/** Turns authentication on, with a user `app` (password `apppw`) whose role `app` may read and write these prefixes. */
export async function enableAuth(etcd: Etcd, prefixes: readonly string[]): Promise<void> {
  await etcd.ctl('user', 'add', 'root:rootpw');
  await etcd.ctl('user', 'grant-role', 'root', 'root');
  await etcd.ctl('role', 'add', 'app');
  await etcd.ctl('user', 'add', 'app:apppw');
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

/** One write, by root: etcdctl takes a moment, but needs no client of ours. */
export async function putAsRoot(etcd: Etcd, key: string, value: string): Promise<void> {
  await etcd.ctl(ROOT, 'put', key, value);
}

export const APP = { username: 'app', password: 'apppw' };
