import type { Etcd } from '@holdfast/testkit';
import { callHttp } from './outside.js';
import { COORDINATION, PREFIX } from './world.js';

/** The user who may do everything. */
export const ROOT = { name: 'root', password: 'root' };
/** The user of the store under test, and its role. */
export const USER = 'tester';

/** Users of v3: root for everything that the campaign does itself, and one user who may read and write the mirrored prefix, and that of coordinators. */
export async function secureV3(etcd: Etcd): Promise<void> {
  await etcd.ctl('user', 'add', `${ROOT.name}:${ROOT.password}`);
  await etcd.ctl('user', 'grant-role', ROOT.name, 'root');
  await etcd.ctl('role', 'add', USER);
  for (const prefix of [PREFIX, COORDINATION])
    await etcd.ctl('role', 'grant-permission', USER, 'readwrite', prefix, '--prefix=true');
  await etcd.ctl('user', 'add', `${USER}:${USER}`);
  await etcd.ctl('user', 'grant-role', USER, USER);
  await etcd.ctl('auth', 'enable');
}

/**
 * Users of v2: only root. All other clients name no user and are guests, who may do everything until that is revoked. For each call of a
 * named user the server computes for about 60 ms to check the password: mirrors could not keep up with the writes.
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
