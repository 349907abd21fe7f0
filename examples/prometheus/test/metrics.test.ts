import { expect, test } from '@jest/globals';
import { json, mirror } from '@holdfast/core';
import { memoryStore } from '@holdfast/memory';
import { eventually, simulateLink, virtualClock } from '@holdfast/testkit';
import { holdfastMetrics } from '../src/metrics.js';
import { samplesIn } from './exposition.js';

test('figures of mirrors with one name are added up, and the longest staleness counts', async () => {
  const clock = virtualClock();
  const metrics = holdfastMetrics();
  const [away, there] = [memoryStore({ clock }), memoryStore({ clock })];
  await away.put('/app/routes/bad', '{');
  await away.put('/app/routes/home', '{}');
  await there.put('/app/routes/home', '{}');
  const { store: linked, link } = simulateLink(away, { clock });
  const options = { prefix: '/app/routes/', codec: json(), name: 'routes', clock };
  // The one that is away is the first, so that the other one comes last.
  const mirrors = [await mirror(linked, options), await mirror(there, options)];

  const figure = async (name: string) =>
    samplesIn(await metrics.registry.metrics()).get(`holdfast_mirror_${name}{name="routes",store="memory"}`);
  expect(await figure('keys')).toBe(3);
  expect(await figure('problems')).toBe(1);
  expect(await figure('staleness_seconds')).toBe(0);

  await link.cut();
  await eventually(() => expect(mirrors[0]?.state.connection).toBe('interrupted'));
  await clock.advance(5_000);
  expect(mirrors.map((each) => (each.health().staleMs ?? 0) >= 5_000)).toEqual([true, false]);
  expect(await figure('staleness_seconds')).toBeGreaterThanOrEqual(5);

  await Promise.all(mirrors.map((each) => each.close()));
  expect(await figure('keys')).toBeUndefined();
  await Promise.all([linked, there].map((each) => each.close()));
  await away.close();
  metrics.close();
});
