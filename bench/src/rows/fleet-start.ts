import { COMMON_GOALS, FLEET, FLEET_METRICS } from '../harness/fleet-row.js';
import { fleetRound, measureFleet, onStage } from '../harness/fleet-round.js';
import type { Row } from '../harness/row.js';
import { ServerMeter } from '../harness/server-meter.js';

export const row: Row = {
  ...FLEET,
  name: 'fleet-start',
  title: 'A fleet starts',
  about:
    "All clients connect and load at the same moment, as after a roll-out. Time counts from there until the last has everything and follows. The server's CPU is that of its process. At rest: half a minute later. Meanwhile another client writes to other keys.",
  metrics: FLEET_METRICS,
  goals: COMMON_GOALS,
  start: (bench) => {
    const { clients, keys } = bench.scale.fleet;
    return Promise.resolve(() =>
      fleetRound(bench, (side) =>
        onStage(bench, side, { clients, keys }, async (stage) => {
          const { etcd, member, fleet, head } = stage;
          const done = async (): Promise<number> => {
            await fleet.load();
            return fleet.reach(head);
          };
          return measureFleet(stage, { meter: await ServerMeter.begin(etcd), member, done });
        }),
      ),
    );
  },
};
