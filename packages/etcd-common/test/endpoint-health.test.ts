import { describe, expect, test } from '@jest/globals';
import { virtualClock } from '@holdfast/testkit';
import { byPreference, EndpointHealth } from '@holdfast/etcd-common';

describe('the health of an endpoint', () => {
  const make = (random: () => number) => {
    const clock = virtualClock();
    return { clock, health: new EndpointHealth(clock, random) };
  };

  test('after each failure it is avoided for longer, and for 15 seconds at most', async () => {
    const { clock, health } = make(() => 1);
    expect(health.isGood).toBe(true);
    for (const ms of [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]) {
      health.failed();
      await clock.advance(ms - 1);
      expect(health.isGood).toBe(false);
      await clock.advance(1);
      expect(health.isGood).toBe(true);
    }
  });

  test('an answer ends that, and the next failure is a first one again', async () => {
    const { clock, health } = make(() => 1);
    for (let i = 0; i < 5; i++) health.failed();
    health.answered();
    expect(health.isGood).toBe(true);
    health.failed();
    await clock.advance(500);
    expect(health.isGood).toBe(true);
  });

  test('the time is drawn with jitter, so that a fleet does not come back in step', () => {
    const times = [0, 0.5, 1].map((random) => {
      const { clock, health } = make(() => random);
      health.failed();
      return health.avoidUntil - clock.now();
    });
    expect(times).toEqual([50, 275, 500]);
  });
});

describe('the order in which endpoints are tried', () => {
  const make = (names: string) => {
    const clock = virtualClock();
    return [...names].map((name) => ({ name, health: new EndpointHealth(clock, () => 1) }));
  };
  const named = (endpoints: readonly { readonly name: string }[]) => endpoints.map(({ name }) => name).join(' ');

  test('begins with the preferred one, and goes on with those after it', () => {
    const all = make('abc');
    expect(named(byPreference(all, undefined, () => false))).toBe('a b c');
    expect(named(byPreference(all, all[1], () => false))).toBe('b c a');
  });

  test('those that failed come later, the one that may be tried first again before the others', () => {
    const all = make('abcd');
    all[2]!.health.failed();
    all[2]!.health.failed();
    all[0]!.health.failed();
    expect(named(byPreference(all, all[0], () => false))).toBe('b d a c');
  });

  test('those to avoid come last, even if the others have failed', () => {
    const all = make('abc');
    all[1]!.health.failed();
    all[2]!.health.failed();
    expect(named(byPreference(all, all[0], ({ name }) => name === 'a'))).toBe('b c a');
  });
});
