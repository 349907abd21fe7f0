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
 * Users of v2: root alone. Everybody else names no user and is a guest, who may do everything until that is revoked. A user that is
 * named would cost the server some 60 ms of computing at each call, for its password: mirrors could not follow what is written.
 */
export async function secureV2(etcd: Etcd): Promise<void> {
  await callV2Auth(etcd, 'users/root', { user: ROOT.name, password: ROOT.password });
  await callV2Auth(etcd, 'enable');
}

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
