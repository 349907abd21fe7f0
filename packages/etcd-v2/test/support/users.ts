import type { Etcd } from '@holdfast/testkit';

const ROOT = { username: 'root', password: 'toor' };

/** A user as HTTP basic authentication sends it. */
export function basic(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

/** What a role may read and write. */
export function kv(...keys: string[]): { readonly kv: { readonly read: string[]; readonly write: string[] } } {
  return { kv: { read: keys, write: keys } };
}

/** Calls the API of users and roles, as root. */
export async function admin(etcd: Etcd, method: 'PUT' | 'DELETE', path: string, body?: unknown): Promise<void> {
  const response = await fetch(`${etcd.endpoints[0]!}/v2/auth/${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${basic(ROOT.username, ROOT.password)}`,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

/** Turns users on: `app`, with this password, may read and write below `/app/`. Who has no user may do nothing. */
export async function enableUsers(etcd: Etcd, password: string): Promise<void> {
  await admin(etcd, 'PUT', 'users/root', { user: ROOT.username, password: ROOT.password });
  await admin(etcd, 'PUT', 'roles/app', { role: 'app', permissions: kv('/app/*') });
  await admin(etcd, 'PUT', 'users/app', { user: 'app', password, roles: ['app'] });
  await admin(etcd, 'PUT', 'enable');
  await admin(etcd, 'PUT', 'roles/guest', { role: 'guest', revoke: kv('/*') });
}
