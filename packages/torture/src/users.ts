import type { Etcd } from '@holdfast/testkit';
import { callHttp } from './outside.js';
import { PREFIX } from './world.js';

/** May do everything. */
export const ROOT = { name: 'root', password: 'root' };
/** The user of the store under test, and its role. */
export const USER = 'tester';

/** Users of v3: root for everything that is done from outside, and one that may read and write what is mirrored. */
export async function secureV3(etcd: Etcd): Promise<void> {
  await etcd.ctl('user', 'add', `${ROOT.name}:${ROOT.password}`);
  await etcd.ctl('user', 'grant-role', ROOT.name, 'root');
  await etcd.ctl('role', 'add', USER);
  await etcd.ctl('role', 'grant-permission', USER, 'readwrite', PREFIX, '--prefix=true');
  await etcd.ctl('user', 'add', `${USER}:${USER}`);
  await etcd.ctl('user', 'grant-role', USER, USER);
  await etcd.ctl('auth', 'enable');
}

/**
 * Users of v2. Who names no user may do everything still, as v2 has it by default: that is how the servers are read from outside. Who
 * names one may do what that one may, and no more.
 */
export async function secureV2(etcd: Etcd): Promise<void> {
  await callV2Auth(etcd, 'users/root', { user: ROOT.name, password: ROOT.password });
  await callV2Auth(etcd, `roles/${USER}`, { role: USER, permissions: v2Permissions });
  await callV2Auth(etcd, `users/${USER}`, { user: USER, password: USER, roles: [USER] });
  await callV2Auth(etcd, 'enable');
}

/** What the user may do on v2, as roles are granted and revoked it. */
export const v2Permissions = { kv: { read: [`${PREFIX}*`], write: [`${PREFIX}*`] } };

/** Changes users and roles of v2, as root. */
export async function callV2Auth({ members }: Etcd, path: string, body?: unknown): Promise<void> {
  const member = members.find(({ state }) => state === 'running');
  if (member === undefined) throw new Error('no member is running');
  const { status, text } = await callHttp(`${member.endpoint}/v2/auth/${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Basic ${btoa(`${ROOT.name}:${ROOT.password}`)}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (status >= 300) throw new Error(`/v2/auth/${path} answered ${status}: ${text}`);
}
