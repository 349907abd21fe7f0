import { describe, expect, test } from '@jest/globals';
import { Random, virtualClock } from '@holdfast/testkit';
import { KnownIdentity } from '@holdfast/etcd-common';

function world(endpoints: readonly string[], options: { acceptAfterMs?: number } = {}) {
  const clock = virtualClock();
  const identity = new KnownIdentity({ clock, endpoints: () => endpoints, ...options });
  /** Connections to one endpoint that is asked who it is, one each 400 ms, that tell these identities in turn. */
  const connect = async (endpoint: string, ...told: readonly string[]): Promise<void> => {
    for (const each of told) {
      identity.answer(endpoint, each);
      await clock.advance(400);
    }
  };
  /** One round of questions, which these endpoints answer. */
  const round = async (answers: Readonly<Record<string, string>>): Promise<void> => {
    identity.beginRound();
    for (const [endpoint, told] of Object.entries(answers)) await connect(endpoint, told);
  };
  const times = (count: number, told: string) => Array.from({ length: count }, () => told);
  return { clock, identity, connect, round, times };
}

describe('several endpoints', () => {
  test('a store begins with what more than half of them tell, and not before', async () => {
    const { identity, connect } = world(['a', 'b', 'c']);
    await connect('a', 'fresh');
    expect(identity.known).toBeUndefined();
    await connect('b', 'old');
    expect(identity.known).toBeUndefined();
    await connect('c', 'old');
    expect(identity.known).toBe('old');
    expect(identity.isConfirmed).toBe(true);
  });

  test('where fewer answer, the majority of those is taken until more do', async () => {
    const { identity, connect, round } = world(['a', 'b', 'c']);
    await connect('a', 'fresh');
    identity.settle();
    expect(identity.known).toBe('fresh');
    expect(identity.isConfirmed).toBe(false);
    await round({ b: 'old' });
    await round({ b: 'old', c: 'old' });
    expect(identity.known).toBe('fresh');
    await round({ b: 'old', c: 'old' });
    expect(identity.known).toBe('old');
    expect(identity.hasFormer).toBe(false);
  });

  test('where as many tell one as another, none is taken, and the refusal names both', async () => {
    const { identity, connect } = world(['a', 'b', 'c']);
    await connect('a', 'fresh');
    await connect('b', 'old');
    identity.settle();
    expect(identity.known).toBeUndefined();
    const error = identity.refusal('a', 'fresh');
    expect(error).toMatchObject({ code: 'unavailable', retryable: true });
    expect(error.message).toMatch(/a to fresh, b to old/);
  });

  test('one foreign endpoint never takes over, however long the others are down', async () => {
    const { clock, identity, connect } = world(['a', 'b', 'c']);
    await connect('a', 'old');
    await connect('b', 'old');
    for (let minutes = 0; minutes < 60; minutes += 1) {
      await connect('c', 'fresh', 'fresh', 'fresh');
      await clock.advance(60_000);
    }
    expect(identity.known).toBe('old');
    expect(identity.isContested).toBe(true);
    const { message } = identity.refusal('c', 'fresh');
    expect(message).toMatch(/^c belongs to cluster fresh, but this store follows cluster old/);
    expect(message).toMatch(/more than half of the 3 endpoints/);
  });

  test('a change is accepted as soon as more than half of them tell it in two rounds, one after the other', async () => {
    const { identity, connect, round } = world(['a', 'b', 'c']);
    await round({ a: 'old', b: 'old' });
    await round({ a: 'new', b: 'new' });
    await round({ a: 'new' });
    await round({ a: 'new', b: 'new' });
    expect(identity.known).toBe('old');
    identity.beginRound();
    await connect('a', 'new');
    expect(identity.known).toBe('old');
    await connect('b', 'new');
    expect(identity.known).toBe('new');
  });

  test('one foreign member that answers at one endpoint after the other is no majority', async () => {
    const { clock, identity, connect } = world(['a', 'b', 'c']);
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('c', 'fresh', 'fresh');
    // It answers at b now, and nobody answers at c.
    for (let round = 0; round < 10; round += 1) {
      identity.beginRound();
      await connect('b', 'fresh');
      // Calls connect, too.
      identity.tell('b', 'fresh');
      await clock.advance(400);
    }
    expect(identity.known).toBe('old');
  });

  test('one that goes from one endpoint to another within a round is no majority either', async () => {
    const { identity, connect, round } = world(['a', 'b', 'c']);
    await round({ a: 'old', b: 'old', c: 'fresh' });
    await round({ a: 'old', b: 'old', c: 'fresh' });
    identity.beginRound();
    await connect('c', 'fresh');
    await connect('b', 'fresh');
    identity.tell('b', 'fresh');
    expect(identity.known).toBe('old');
  });

  test('half of them are not more than half', async () => {
    const { identity, connect } = world(['a', 'b']);
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('b', 'new', 'new', 'new', 'new');
    expect(identity.known).toBe('old');
  });

  test("an answer of the known cluster takes an endpoint's vote for another one", async () => {
    const { identity, connect } = world(['a', 'b', 'c']);
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('a', 'new', 'new');
    expect(identity.hear('a', 'old')).toBe(true);
    await connect('b', 'new', 'new');
    expect(identity.known).toBe('old');
  });

  test('an endpoint that has not answered for long has no vote', async () => {
    const { clock, identity, connect } = world(['a', 'b', 'c']);
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('a', 'new', 'new');
    await clock.advance(61_000);
    await connect('b', 'new', 'new');
    expect(identity.known).toBe('old');
  });

  test('the former identity is taken back when more than half of them tell it again', async () => {
    const { identity, round } = world(['a', 'b', 'c']);
    const changes: (string | undefined)[][] = [];
    identity.onChange((...change) => changes.push(change));
    await round({ a: 'old', b: 'old' });
    await round({ a: 'new', b: 'new' });
    await round({ a: 'new', b: 'new' });
    expect(identity.hasFormer).toBe(true);
    await round({ a: 'new', b: 'old' });
    await round({ a: 'new', b: 'old', c: 'old' });
    expect(identity.known).toBe('new');
    await round({ a: 'new', b: 'old', c: 'old' });
    expect(identity.known).toBe('old');
    expect(identity.hasFormer).toBe(false);
    expect(changes).toEqual([
      ['old', undefined],
      ['new', 'old'],
      ['old', 'new'],
    ]);
  });

  test('a contest is over once a round of questions has found the majority with the known identity', async () => {
    const { identity, connect } = world(['a', 'b', 'c']);
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('c', 'fresh');
    expect(identity.isContested).toBe(true);
    const idle = identity.beginRound();
    await connect('c', 'fresh');
    identity.endRound(idle);
    expect(identity.isContested).toBe(true);
    const round = identity.beginRound();
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('c', 'fresh');
    identity.endRound(round);
    expect(identity.isContested).toBe(false);
  });
});

describe('one name', () => {
  test('the first connection counts until others are made', async () => {
    const { identity, connect, times } = world(['lb']);
    await connect('lb', 'old');
    expect([identity.known, identity.isConfirmed]).toEqual(['old', false]);
    await connect('lb', ...times(8, 'old'));
    expect(identity.isConfirmed).toBe(true);
  });

  test('a change is accepted when all connections of some seconds tell it', async () => {
    const { identity, connect, times } = world(['lb']);
    await connect('lb', ...times(9, 'old'));
    await connect('lb', ...times(8, 'new'));
    expect(identity.known).toBe('old');
    expect(identity.refusal('lb', 'new').message).toMatch(/all new connections of some seconds/);
    await connect('lb', 'new');
    expect(identity.known).toBe('new');
  });

  test('many connections at a time are no streak', async () => {
    const { clock, identity, connect, times } = world(['lb']);
    await connect('lb', ...times(9, 'old'));
    for (let i = 0; i < 200; i += 1) {
      identity.tell('lb', 'new');
      await clock.advance(10);
    }
    expect(identity.known).toBe('old');
    await clock.advance(1_000);
    identity.tell('lb', 'new');
    expect(identity.known).toBe('new');
  });

  test('one connection to the known cluster, or one answer of it, breaks the streak', async () => {
    for (const told of ['connection', 'answer']) {
      const { identity, connect, times } = world(['lb']);
      await connect('lb', ...times(9, 'old'));
      await connect('lb', ...times(7, 'new'));
      if (told === 'connection') identity.tell('lb', 'old');
      else identity.hear('lb', 'old');
      await connect('lb', ...times(8, 'new'));
      expect([told, identity.known]).toEqual([told, 'old']);
    }
  });

  test('a balancer with one fresh member among three changes nothing, whichever way connections go', async () => {
    const { identity, connect, times } = world(['lb']);
    await connect('lb', ...times(9, 'old'));
    for (let i = 0; i < 300; i += 1) await connect('lb', i % 3 === 0 ? 'fresh' : 'old');
    // Two thirds of the connections to the fresh one would not be enough either.
    for (let i = 0; i < 300; i += 1) await connect('lb', i % 3 === 0 ? 'old' : 'fresh');
    expect(identity.known).toBe('old');
  });

  test('a store whose first connection went to the fresh one is put right by the majority', async () => {
    const { identity, connect } = world(['lb']);
    await connect('lb', 'fresh');
    expect(identity.known).toBe('fresh');
    // The connection that serves goes on answering meanwhile.
    for (let i = 0; i < 12; i += 1) {
      await connect('lb', 'old', 'old', 'fresh');
      identity.hear('lb', 'fresh');
    }
    expect([identity.known, identity.isConfirmed, identity.hasFormer]).toEqual(['old', true, false]);
    for (let i = 0; i < 100; i += 1) await connect('lb', 'old', 'old', 'fresh');
    expect(identity.known).toBe('old');
  });

  test('beside one true and one fresh member, a store that has just begun stays with the true one', async () => {
    const { identity, connect } = world(['lb']);
    await connect('lb', 'old');
    for (let i = 0; i < 100; i += 1) await connect('lb', 'fresh', 'old');
    expect(identity.known).toBe('old');
  });

  test('a balancer that leads connections anywhere by chance seldom makes a fresh member of three the majority', async () => {
    let followed = 0;
    const stores = 300;
    for (let seed = 1; seed <= stores; seed += 1) {
      const { identity, connect } = world(['lb']);
      const random = new Random(seed);
      await connect('lb', 'old');
      // Once it is confirmed, only a streak changes it.
      while (!identity.isConfirmed) await connect('lb', random.chance(1 / 3) ? 'fresh' : 'old');
      if (identity.known === 'fresh') followed += 1;
    }
    expect(followed / stores).toBeLessThan(0.015);
  });

  test('the former identity is taken back when most connections tell it again', async () => {
    const { identity, connect, times } = world(['lb']);
    await connect('lb', ...times(9, 'old'));
    await connect('lb', ...times(9, 'fresh'));
    expect([identity.known, identity.hasFormer]).toEqual(['fresh', true]);
    identity.hear('lb', 'fresh');
    for (let i = 0; i < 13; i += 1) await connect('lb', 'old', 'fresh', 'old');
    expect([identity.known, identity.hasFormer]).toEqual(['old', false]);
    for (let i = 0; i < 100; i += 1) await connect('lb', 'old', 'fresh', 'old');
    expect(identity.known).toBe('old');
  });

  test('a contest is over with the next connection to a cluster that is confirmed', async () => {
    const { identity, connect, times } = world(['lb']);
    await connect('lb', ...times(9, 'old'));
    await connect('lb', 'fresh');
    expect(identity.isContested).toBe(true);
    const round = identity.beginRound();
    await connect('lb', 'old');
    identity.endRound(round);
    expect(identity.isContested).toBe(false);
  });
});

describe('an identity that is assumed', () => {
  test('counts as known before any endpoint was asked', async () => {
    const { identity, connect } = world(['lb']);
    identity.assume('saved');
    await connect('lb', 'fresh');
    expect([identity.known, identity.isContested]).toEqual(['saved', true]);
    identity.assume('other');
    expect(identity.known).toBe('saved');
  });
});

describe('acceptAfterMs', () => {
  test('accepts what was told alone for so long, and not what the known cluster was told between', async () => {
    const { clock, identity, connect } = world(['a', 'b', 'c'], { acceptAfterMs: 30_000 });
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('c', 'fresh');
    await clock.advance(20_000);
    identity.hear('a', 'old');
    await clock.advance(20_000);
    await connect('c', 'fresh');
    expect(identity.known).toBe('old');
    await clock.advance(29_000);
    await connect('c', 'fresh');
    expect(identity.known).toBe('old');
    await connect('c', 'fresh', 'fresh', 'fresh');
    expect([identity.known, identity.isConfirmed, identity.hasFormer]).toEqual(['fresh', false, true]);
  });

  test('counts from when the known cluster was told last, not from when its votes have faded', async () => {
    const { identity, connect, times } = world(['a', 'b', 'c'], { acceptAfterMs: 2_000 });
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('c', ...times(6, 'fresh'));
    expect(identity.known).toBe('fresh');
  });

  test('without it, time alone changes nothing', async () => {
    const { clock, identity, connect } = world(['a', 'b']);
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('a', 'fresh');
    await clock.advance(365 * 86_400_000);
    await connect('a', 'fresh');
    expect(identity.known).toBe('old');
  });
});
