// cspell:ignore changepw
import { eventually } from '@holdfast/testkit';
import { NotInjected, type Fault } from '../fault.js';
import { BEACON } from '../keys.js';
import { callHttp, toBase64 } from '../outside.js';
import { USER } from '../users.js';
import type { World } from '../world.js';
import { linger } from './members.js';

const SOON = { timeoutMs: 10_000 };

/**
 * The tokens of the user under test end, once to three times, while connections and watches go on: its password is set to what it was, which makes
 * all of them invalid, at any moment and on any version.
 */
export const tokenExpiry: Fault = {
  kind: 'token-expiry',
  world: 'secured',
  appliesTo: ({ api }) => api === 'v3',
  async inject(world, random) {
    const times = random.between(1, 3);
    let ms = 0;
    for (let time = 1; time <= times; time += 1) {
      const token = await eventually(() => tokenAt(world), SOON);
      await eventually(() => world.api('auth/user/changepw', { name: USER, password: USER }), SOON);
      await expectInvalid(world, token);
      ms += await linger(random, 100, 900);
    }
    return { heal: () => Promise.resolve(), details: { times, ms } };
  },
};

/** A token as the store under test has one. */
async function tokenAt({ etcd }: World): Promise<string> {
  const { status, text } = await post(etcd.endpoints[0] ?? '', 'auth/authenticate', { name: USER, password: USER });
  const { token } = JSON.parse(text) as { readonly token?: string };
  if (token === undefined) throw new Error(`the server gave no token, but ${status}: ${text}`);
  return token;
}

/** @throws NotInjected where a token that must be invalid is taken */
async function expectInvalid({ etcd }: World, token: string): Promise<void> {
  const isRefused = async () => {
    const headers = { authorization: token };
    const { text } = await post(etcd.endpoints[0] ?? '', 'kv/range', { key: toBase64(BEACON) }, headers);
    return text.includes('invalid auth token');
  };
  await eventually(isRefused, SOON).catch(() => {
    throw new NotInjected('a token is taken whose user has another password');
  });
}

function post(endpoint: string, path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  return callHttp(`${endpoint}/v3/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}
