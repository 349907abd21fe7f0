import { describe, expect, test } from '@jest/globals';
import { virtualClock } from '@holdfast/testkit';
import { AuthToken } from '../src/connection/auth-token.js';

describe('the auth token', () => {
  const tokens = (clock = virtualClock(), form = (n: number) => `token-${n}.1`) => {
    let asked = 0;
    const token = new AuthToken({ clock, authenticate: () => Promise.resolve(form(++asked)) });
    return { token, clock, asked: () => asked };
  };

  test('is got once for many calls', async () => {
    const { token, asked } = tokens();
    expect(await Promise.all([token.get(), token.get(), token.get()])).toEqual(['token-1.1', 'token-1.1', 'token-1.1']);
    expect(asked()).toBe(1);
  });

  test('is renewed before the 300 seconds that etcd gives it are over', async () => {
    const { token, clock } = tokens();
    await token.get();
    await clock.advance(239_000);
    expect(await token.get()).toBe('token-1.1');
    await clock.advance(2_000);
    expect(await token.get()).toBe('token-2.1');
  });

  test('is renewed after four fifths of the life that it tells itself', async () => {
    const clock = virtualClock();
    const jwt = (n: number) => {
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      return `${part({ alg: 'RS256' })}.${part({ username: 'me', n, exp: Math.floor(clock.now() / 1_000) + 100 })}.signature`;
    };
    const { token, asked } = tokens(clock, jwt);
    await token.get();
    await clock.advance(75_000);
    await token.get();
    expect(asked()).toBe(1);
    await clock.advance(10_000);
    await token.get();
    expect(asked()).toBe(2);
  });

  test('is dropped by the first call that finds it invalid, and not again by those that used the old one', async () => {
    const { token, asked } = tokens();
    const used = { token: await token.get() };
    token.drop(used);
    await token.get();
    token.drop(used);
    expect(await token.get()).toBe('token-2.1');
    expect(asked()).toBe(2);
  });

  test('is asked for again after a failure', async () => {
    let fail = true;
    const token = new AuthToken({
      clock: virtualClock(),
      authenticate: () => (fail ? Promise.reject(new Error('down')) : Promise.resolve('t')),
    });
    await expect(token.get()).rejects.toThrow('down');
    fail = false;
    expect(await token.get()).toBe('t');
  });
});
