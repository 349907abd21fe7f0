// No part of a URL or an option that may be a secret comes back in an error: for the tests of both adapters.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { isStoreError, openStore, type ConfigStore } from '@holdfast/store';
import type { EtcdAdapter } from './adapter.js';

const PW = 'hunter2secret';

/** Ways to end a user and a password, right and wrong. */
const ENDS = ['@', '%40', '%2540', '@@', '%40@', ''];
const USERS = ['', 'root:', 'root%3A', ':', 'root:a?', 'root:a/', 'root:a#', 'root:a%', 'root:%zz', 'ro@ot:', 'a:b:'];
const HOSTS = ['h', 'h:1', '[::1]:1', 'h:port', 'h:1,h:2', ''];
const TAILS = ['', '/', `/${PW}`, `?password=${PW}`, `#${PW}`, `/#${PW}`, `?${PW}`, `/a?tls=${PW}`, `:${PW}`, `;${PW}`];

/** URLs with the secret somewhere after the scheme. */
function shapes(): readonly string[] {
  const all = USERS.flatMap((user) =>
    ENDS.flatMap((end) =>
      HOSTS.flatMap((host) =>
        TAILS.map((tail) => `//${user === '' && end === '' ? '' : user + PW + end}${host}${tail}`),
      ),
    ),
  );
  return all.filter((url) => url.includes(PW));
}

async function said(call: () => unknown): Promise<string> {
  try {
    const store = (await call()) as ConfigStore;
    await store.close();
    return '';
  } catch (error) {
    if (!isStoreError(error)) throw error;
    return [error.message, error.stack, JSON.stringify(error), inspect(error.cause)].join('\n');
  }
}

export function describeUrlSecrets({ open, adapter }: EtcdAdapter): void {
  describe('secrets in URLs and options', () => {
    // Thousands of stacks take seconds to be written, and only their first lines, the messages, may have a secret.
    const { stackTraceLimit } = Error;
    beforeAll(() => {
      Error.stackTraceLimit = 0;
    });
    afterAll(() => {
      Error.stackTraceLimit = stackTraceLimit;
    });

    test('no endpoint that is refused comes back in the error', async () => {
      let refused = 0;
      for (const [index, rest] of shapes().entries()) {
        const others = ['https:', 'HTTP:', 'etcd:', ''];
        for (const scheme of ['http:', 'unix:', others[index % others.length]!]) {
          const endpoint = scheme + rest;
          const text = await said(() => open({ endpoints: [endpoint] }));
          if (text !== '') refused += 1;
          if (text.includes(PW)) throw new Error(`the error repeats the secret of ${endpoint}`);
        }
      }
      expect(refused).toBeGreaterThan(5_000);
    });

    test('no store URL that is refused comes back in the error', async () => {
      let refused = 0;
      for (const rest of shapes()) {
        const url = `${adapter.scheme}:${rest}`;
        const text = await said(() => openStore(url, { adapters: [adapter] }));
        if (text !== '') refused += 1;
        // It is the name of a parameter then, which is repeated because it may be misspelt.
        if (rest.endsWith(`?${PW}`)) continue;
        if (text.includes(PW)) throw new Error(`the error repeats the secret of ${url}`);
      }
      expect(refused).toBeGreaterThan(1_000);
    });

    test.each([
      `http://root:${PW}%40h:1`,
      `http://h:1?password=${PW}`,
      `http://h:1/#${PW}`,
      `http://h:${PW}`,
      `unix:/root:${PW}@h`,
      `unix:/root:${PW}%40h`,
      `unix:/s?password=${PW}`,
      `root:${PW}`,
      PW,
    ])('the endpoint %s is refused, and not repeated', async (endpoint) => {
      const text = await said(() => open({ endpoints: [endpoint] }));
      expect(text).toContain('invalid-argument');
      expect(text).not.toContain(PW);
    });

    test('a host and a port are repeated, since they are no secret and say which endpoint it is', async () => {
      expect(await said(() => open({ endpoints: ['http://host:2379/v2'] }))).toContain('endpoint "http://host:2379…"');
      expect(await said(() => open({ endpoints: ['http://host:99999'] }))).toContain('endpoint "http://host:99999"');
    });

    test('neither names nor values of headers that are refused come back', async () => {
      for (const headers of [
        { [`authorization: Bearer ${PW}`]: 'x' },
        { authorization: `Bearer ${PW}\n` },
        { [PW + '\n']: '' },
      ]) {
        const text = await said(() => open({ endpoints: ['http://127.0.0.1:1'], headers }));
        expect(text).toContain('invalid-argument');
        expect(text).not.toContain(PW);
      }
    });

    test('control characters and changes of direction in keys are escaped in errors', async () => {
      await using store = open({
        endpoints: ['http://127.0.0.1:1'],
        timeouts: { connectMs: 50 },
        retry: { attempts: 1 },
      });
      const key = '/a\u0085\u009b31m\u202e\u2028\u2029\ufeff\u001b[2J\n';
      const put = { type: 'put', key, value: '' } as const;
      const error = await store.txn({ then: [put, put] }).catch((cause: unknown) => cause);
      expect((error as Error).message).toMatch(/^the transaction puts key "\/a/);
      expect((error as Error).message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    });
  });
}
