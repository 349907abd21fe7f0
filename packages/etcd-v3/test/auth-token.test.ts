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

  describe('a JWT of a server whose clock is another one', () => {
    const jwt = (claims: Record<string, unknown>) =>
      ['{}', JSON.stringify(claims), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.');
    const seconds = (clock: { now(): number }) => Math.floor(clock.now() / 1_000);

    test.each([
      ['ten minutes behind this one', -600],
      ['an hour ahead of this one', 3_600],
    ])('%s: a token that was just received is used', async (_name, skew) => {
      const clock = virtualClock();
      const made = (n: number) => jwt({ username: 'me', n, exp: seconds(clock) + skew + 300 });
      const { token, asked } = tokens(clock, made);
      for (let call = 0; call < 40; call += 1) {
        await token.get();
        await clock.advance(500);
      }
      expect(asked()).toBe(1);
      // It is not used for ever either.
      await clock.advance(240_000);
      await token.get();
      expect(asked()).toBe(2);
    });

    test('a token that says when it was made has its own life, by any clock', async () => {
      const clock = virtualClock();
      const iat = seconds(clock) - 7_200;
      const { token, asked } = tokens(clock, (n) => jwt({ n, iat, exp: iat + 100 }));
      await token.get();
      await clock.advance(79_000);
      await token.get();
      expect(asked()).toBe(1);
      await clock.advance(2_000);
      await token.get();
      expect(asked()).toBe(2);
    });
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
