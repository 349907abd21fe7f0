import { setTimeout as delay } from 'node:timers/promises';
import { GoProgram } from '../peers/go-program.js';
import type { FleetPeer } from '../peers/fleet-client.js';
import { yieldToServers } from './low-priority.js';
import { sharedNow } from './measure.js';
import { processCpuMs } from './process-cpu.js';
import type { Side } from './row.js';
import { number, text, type Task } from './task.js';

/** How often it is looked whether all clients are where they should be. Nobody is asked anything for it. */
const LOOK_MS = 5;

/**
 * A part of a fleet, in one process. It tells `ready`, hears `begin`, and tells when all of its clients had `loaded`; hears the revision
 * `target`, and tells when all had `reached` it; hears the digest to `check`, and ends with the number of `unequal` clients. A client that
 * is late for `patienceMs` is not waited for, and shows as unequal.
 */
export function fleetSide(label: string, peer: FleetPeer): Side {
  return {
    label,
    async run(task) {
      const { endpoints, prefix, count, first, patienceMs } = paramsOf(task);
      yieldToServers();
      await peer.prepare();
      task.tell('ready');
      await task.hear('begin');
      const start = process.cpuUsage();
      const fleet = await Promise.all(
        Array.from({ length: count }, (_, index) =>
          peer.open({ endpoints: rotated(endpoints, first + index), prefix }),
        ),
      );
      const loaded = process.cpuUsage(start);
      task.tell('loaded', sharedNow());
      const target = await task.hear<number>('target');
      const since = performance.now();
      while (!fleet.every((client) => client.isAt(target)) && performance.now() - since < patienceMs)
        await delay(LOOK_MS);
      const reached = process.cpuUsage(start);
      task.tell('reached', sharedNow());
      const digest = await task.hear<string>('check');
      // Asked before the digests: they keep the process busy for so long that a mirror's last proof may be too old after them.
      const isThere = fleet.map((client) => client.isAt(target));
      const sum = (of: (client: (typeof fleet)[number]) => number) =>
        fleet.reduce((total, client) => total + of(client), 0);
      return {
        figures: {
          unequal: fleet.filter((client, index) => isThere[index] !== true || client.digest() !== digest).length,
          reloads: sum(({ reloads }) => reloads),
          timeouts: sum(({ timeouts }) => timeouts),
          loadCpuMs: cpuMs(loaded),
          cpuMs: cpuMs(reached) - cpuMs(loaded),
        },
      };
    },
  };
}

/** The same with a Go program, which this process only starts and hears. */
export const goSide: Side = {
  label: "Go's clientv3: Get and Watch",
  async run(task) {
    const { endpoints, prefix, count, patienceMs } = paramsOf(task);
    yieldToServers();
    const program = new GoProgram({ endpoints: endpoints.join(','), prefix, clients: count });
    try {
      await program.answer('ready');
      task.tell('ready');
      await task.hear('begin');
      const start = processCpuMs(program.pid);
      program.order('begin');
      await program.answer('loaded');
      const loaded = processCpuMs(program.pid);
      task.tell('loaded', sharedNow());
      program.order('target', { revision: await task.hear<number>('target'), patienceMs });
      await program.answer('reached');
      const reached = processCpuMs(program.pid);
      task.tell('reached', sharedNow());
      const digest = await task.hear<string>('check');
      program.order('check');
      const { digests, reloads } = await program.answer('checked');
      const unequal = digests.filter((each) => each !== digest).length;
      return { figures: { unequal, reloads, timeouts: 0, loadCpuMs: loaded - start, cpuMs: reached - loaded } };
    } finally {
      await program.kill();
    }
  },
};

function paramsOf({ params }: Task) {
  return {
    endpoints: text(params, 'endpoints').split(','),
    prefix: text(params, 'prefix'),
    count: number(params, 'count'),
    first: number(params, 'first'),
    patienceMs: number(params, 'patienceMs'),
  };
}

/** Each client begins its list at another server, as it should where there are several. */
function rotated(endpoints: readonly string[], by: number): readonly string[] {
  const first = by % endpoints.length;
  return [...endpoints.slice(first), ...endpoints.slice(0, first)];
}

function cpuMs({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}
