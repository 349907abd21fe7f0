import { describe, expect, test } from '@jest/globals';
import { checkIdentity, IdentityCensus, type IdentityCensusOptions } from '@holdfast/etcd-common';
import { isStoreError, type StoreError } from '@holdfast/store';
import { virtualClock, type VirtualClock } from '@holdfast/testkit';

/** What each endpoint tells: an identity, or one for each connection in turn; nothing where it is 'down' or 'silent'. */
type Cluster = Record<string, string | (() => string)>;

interface World {
  readonly clock: VirtualClock;
  readonly cluster: Cluster;
  readonly census: IdentityCensus;
  readonly warnings: readonly string[];
  /** Which endpoints were asked, in order. */
  readonly asked: string[];
  /** Makes a connection that wants to serve. */
  readonly connect: (endpoint: string) => Promise<'admitted' | StoreError>;
}

function world(cluster: Cluster, options: Partial<IdentityCensusOptions> = {}): World {
  const clock = virtualClock();
  const asked: string[] = [];
  const warnings: string[] = [];
  const nothing = (): void => undefined;
  const tell = (endpoint: string): string => {
    const told = cluster[endpoint] ?? 'down';
    return typeof told === 'function' ? told() : told;
  };
  const census = new IdentityCensus({
    endpoints: () => Object.keys(cluster),
    probe: (endpoint, signal) => {
      asked.push(endpoint);
      const told = tell(endpoint);
      if (told === 'down') return Promise.reject(new Error('refused'));
      if (told !== 'silent') return Promise.resolve(told);
      return new Promise((_resolve, reject) => {
        const timer = clock.setTimeout(() => {
          reject(new Error('no answer'));
        }, 5_000);
        signal.addEventListener('abort', () => {
          clock.clearTimeout(timer);
          reject(new Error('aborted'));
        });
      });
    },
    clock,
    random: () => 0.5,
    logger: { debug: nothing, info: nothing, error: nothing, warn: (message) => warnings.push(message) },
    ...options,
  });
  const connect = async (endpoint: string): Promise<'admitted' | StoreError> => {
    try {
      await census.admit(endpoint, tell(endpoint));
      return 'admitted';
    } catch (error) {
      if (!isStoreError(error)) throw error;
      return error;
    }
  };
  return { clock, cluster, census, warnings, asked, connect };
}

describe('at the beginning', () => {
  test('the other endpoints are asked, and a foreign one does not serve', async () => {
    const { census, connect, asked } = world({ a: 'fresh', b: 'old', c: 'old' });
    expect(await connect('a')).toMatchObject({ code: 'unavailable', retryable: true, endpoint: 'a' });
    expect(await connect('b')).toBe('admitted');
    expect(asked).toEqual(['b', 'c']);
    expect(census.identity.known).toBe('old');
    census.close();
  });

  test('an endpoint alone is not asked twice', async () => {
    const { census, connect, asked } = world({ a: 'old' });
    expect(await connect('a')).toBe('admitted');
    expect(asked).toEqual([]);
    census.close();
  });

  test('endpoints that refuse are not waited for, and silent ones for three seconds', async () => {
    const refusing = world({ a: 'old', b: 'down', c: 'down' });
    expect(await refusing.connect('a')).toBe('admitted');
    expect(refusing.warnings).toEqual([expect.stringContaining('fewer than half of the 3 endpoints answered')]);
    refusing.census.close();
    const silent = world({ a: 'old', b: 'silent', c: 'silent' });
    const connecting = silent.connect('a');
    await silent.clock.advance(2_999);
    expect(silent.census.identity.known).toBeUndefined();
    await silent.clock.advance(1);
    expect(await connecting).toBe('admitted');
    silent.census.close();
    expect(silent.clock.pending).toBe(0);
  });

  test('endpoints that disagree serve nothing until a majority is there', async () => {
    const { clock, census, cluster, connect } = world({ a: 'fresh', b: 'old', c: 'down' });
    const refusal = await connect('a');
    expect(refusal).toMatchObject({ code: 'unavailable' });
    expect((refusal as StoreError).message).toContain('a to fresh, b to old');
    expect(await connect('b')).toMatchObject({ code: 'unavailable' });
    cluster['c'] = 'old';
    expect(await connect('b')).toBe('admitted');
    expect(await connect('a')).toMatchObject({ code: 'unavailable' });
    census.close();
    expect(clock.pending).toBe(0);
  });

  test('a store that found only the foreign endpoint is put right when the others are back', async () => {
    const { clock, census, cluster, connect } = world({ a: 'fresh', b: 'down', c: 'down' });
    expect(await connect('a')).toBe('admitted');
    await clock.advance(600_000);
    Object.assign(cluster, { b: 'old', c: 'old' });
    await clock.advance(20_000);
    expect(census.identity.known).toBe('old');
    census.close();
    expect(clock.pending).toBe(0);
  });
});

describe('later', () => {
  test('one foreign endpoint with the others down serves nothing for 90 s; then it is as before', async () => {
    const { clock, census, cluster, connect, warnings, asked } = world({ a: 'old', b: 'old', c: 'old' });
    expect(await connect('a')).toBe('admitted');
    Object.assign(cluster, { a: 'down', b: 'down', c: 'fresh' });
    for (let seconds = 0; seconds < 90; seconds += 1) {
      expect(await connect('c')).toMatchObject({ code: 'unavailable' });
      await clock.advance(1_000);
    }
    expect(census.identity.known).toBe('old');
    // Told once, and asked at a bounded rate.
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('c belongs to cluster fresh');
    expect(asked.length / 3).toBeLessThan(50);
    Object.assign(cluster, { a: 'old', b: 'old' });
    await clock.advance(10_000);
    expect(census.identity.isContested).toBe(false);
    expect(await connect('a')).toBe('admitted');
    asked.length = 0;
    await clock.advance(600_000);
    expect(asked).toEqual([]);
    census.close();
  });

  test('a cluster that was replaced is accepted within two seconds, though nobody else connects', async () => {
    const { clock, census, cluster, connect } = world({ a: 'old', b: 'old', c: 'old' });
    expect(await connect('a')).toBe('admitted');
    Object.assign(cluster, { a: 'new', b: 'new', c: 'down' });
    expect(await connect('a')).toMatchObject({ code: 'unavailable' });
    await clock.advance(2_000);
    expect(await connect('a')).toBe('admitted');
    census.close();
  });

  test('one server that was wiped is accepted within five seconds', async () => {
    const { clock, census, cluster, connect } = world({ a: 'old' });
    expect(await connect('a')).toBe('admitted');
    await clock.advance(300_000);
    expect(census.identity.isConfirmed).toBe(true);
    cluster['a'] = 'new';
    expect(await connect('a')).toMatchObject({ code: 'unavailable' });
    await clock.advance(5_000);
    expect(census.identity.known).toBe('new');
    census.close();
  });

  test('a balancer with one fresh member among three: connections go back and forth, and the identity stays', async () => {
    let turn = 0;
    const { clock, census, connect } = world({ lb: () => (turn++ % 3 === 2 ? 'fresh' : 'old') });
    expect(await connect('lb')).toBe('admitted');
    let admitted = 0;
    for (let i = 0; i < 300; i += 1) {
      if ((await connect('lb')) === 'admitted') admitted += 1;
      await clock.advance(250);
      expect(census.identity.known).toBe('old');
    }
    expect(admitted).toBeGreaterThan(150);
    census.close();
    expect(clock.pending).toBe(0);
  });

  test('a balancer that led to the fresh member alone while the others were away is followed back', async () => {
    let turn = 0;
    const { clock, census, cluster, connect } = world({ lb: 'old' });
    expect(await connect('lb')).toBe('admitted');
    await clock.advance(300_000);
    cluster['lb'] = 'fresh';
    await connect('lb');
    await clock.advance(5_000);
    expect(census.identity.known).toBe('fresh');
    cluster['lb'] = () => (turn++ % 3 === 2 ? 'fresh' : 'old');
    // Nobody connects but the census.
    await clock.advance(90_000);
    expect(census.identity.known).toBe('old');
    census.close();
  });

  test('an answer of another cluster over an open connection is refused, and asked about', async () => {
    const { clock, census, connect, asked } = world({ a: 'old', b: 'old' });
    expect(await connect('a')).toBe('admitted');
    census.check('a', 'old');
    asked.length = 0;
    expect(() => {
      census.check('a', 'fresh');
    }).toThrow(/a belongs to cluster fresh/);
    await clock.advance(1_000);
    expect(asked).toEqual(['a', 'b']);
    census.close();
  });
});

test('the option is checked by name', () => {
  expect(checkIdentity(undefined)).toEqual({});
  expect(checkIdentity({ acceptAfterMs: 60_000 })).toEqual({ acceptAfterMs: 60_000 });
  for (const [given, told] of [
    [{ acceptAfterMs: 0 }, /identity\.acceptAfterMs must be a number of milliseconds/],
    [{ acceptAfterMs: '60s' }, /identity\.acceptAfterMs must be a number of milliseconds/],
    [{ acceptAfter: 1 }, /identity has no option "acceptAfter"/],
    [60_000, /the option identity takes an object/],
    [null, /the option identity takes an object/],
  ] as const) {
    expect(() => checkIdentity(given)).toThrow(told);
  }
});
