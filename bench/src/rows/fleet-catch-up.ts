import { setTimeout as delay } from 'node:timers/promises';
import { against, COMMON_GOALS, FLEET, FLEET_METRICS } from '../harness/fleet-row.js';
import { fleetRound, measureFleet, onStage, PREFIX } from '../harness/fleet-round.js';
import type { Row } from '../harness/row.js';
import { ServerMeter } from '../harness/server-meter.js';
import { rewrite } from '../peers/seed.js';

export const row: Row = {
  ...FLEET,
  name: 'fleet-catch-up',
  title: 'A fleet catches up after missed revisions',
  about:
    "All clients are cut off by a proxy while each key is written twice, a revision each. Then they may connect again: time, requests and the server's CPU count from there. Mirrors read what changed; the others have every event replayed. At rest: half a minute later. Meanwhile another client writes to other keys.",
  metrics: FLEET_METRICS,
  goals: [
    against('etcd3', 'serverCpuMs', 0.2, 'server CPU until all are equal and live, against a replay'),
    ...COMMON_GOALS,
  ],
  start: (bench) => {
    const { behind: clients, keys, missed, settleMs } = bench.scale.fleet;
    const indexes = Array.from({ length: missed }, (_, index) => index % keys);
    return Promise.resolve(() =>
      fleetRound(bench, (side) =>
        onStage(bench, side, { clients, keys, proxied: true }, async (stage) => {
          const { etcd, member, fleet, proxy } = stage;
          await fleet.load();
          await delay(settleMs);
          proxy?.refuse();
          proxy?.cut();
          const head = await rewrite(member.endpoint, PREFIX, indexes, 2);
          const meter = await ServerMeter.begin(etcd);
          await proxy?.allow();
          return measureFleet(stage, { meter, member, done: () => fleet.reach(head) });
        }),
      ),
    );
  },
};
