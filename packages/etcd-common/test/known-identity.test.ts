import { describe, expect, test } from '@jest/globals';
import { virtualClock } from '@holdfast/testkit';
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
  const times = (count: number, told: string) => Array.from({ length: count }, () => told);
  return { clock, identity, connect, times };
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
    const { identity, connect } = world(['a', 'b', 'c']);
    await connect('a', 'fresh');
    identity.settle();
    expect(identity.known).toBe('fresh');
    expect(identity.isConfirmed).toBe(false);
    await connect('b', 'old', 'old');
    expect(identity.known).toBe('fresh');
    await connect('c', 'old', 'old');
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

  test('a change is accepted as soon as more than half of them tell it, each twice', async () => {
    const { identity, connect } = world(['a', 'b', 'c']);
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('a', 'new', 'new');
    await connect('b', 'new');
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
    identity.beginRound();
    await connect('b', 'fresh');
    await connect('c', 'fresh', 'fresh');
    expect(identity.known).toBe('fresh');
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
    const { identity, connect } = world(['a', 'b', 'c']);
    const changes: (string | undefined)[][] = [];
    identity.onChange((...change) => changes.push(change));
    await connect('a', 'old');
    await connect('b', 'old');
    await connect('a', 'new', 'new');
    await connect('b', 'new', 'new');
    expect(identity.hasFormer).toBe(true);
    await connect('b', 'old', 'old');
    expect(identity.known).toBe('new');
    await connect('c', 'old', 'old');
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
    for (let i = 0; i < 4; i += 1) {
      await connect('lb', 'old', 'old', 'fresh');
      identity.hear('lb', 'fresh');
    }
    expect([identity.known, identity.isConfirmed, identity.hasFormer]).toEqual(['old', true, false]);
    for (let i = 0; i < 100; i += 1) await connect('lb', 'old', 'old', 'fresh');
    expect(identity.known).toBe('old');
  });

  test('the former identity is taken back when most connections tell it again', async () => {
    const { identity, connect, times } = world(['lb']);
    await connect('lb', ...times(9, 'old'));
    await connect('lb', ...times(9, 'fresh'));
    expect([identity.known, identity.hasFormer]).toEqual(['fresh', true]);
    identity.hear('lb', 'fresh');
    for (let i = 0; i < 4; i += 1) await connect('lb', 'old', 'fresh', 'old');
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
