import { GoProgram } from '../peers/go-program.js';
import type { LockPeer, Served } from '../peers/lock-peers.js';
import { processCpuMs } from './process-cpu.js';
import type { Side } from './row.js';
import { number, text } from './task.js';

/** What a side is asked for: so many pairs of lock and unlock; to let waiters queue; to serve them; or the end. */
export type LockOrder = { readonly pairs: number } | { readonly waiters: number } | 'serve' | 'stop';

/** What pairs took. */
export interface Paired {
  readonly ms: number;
  readonly cpuMs: number;
}

/** A client of locks, which tells `ready` once it is warm, and answers each order by `done`. */
export function lockSide(label: string, open: (endpoint: string, name: string) => Promise<LockPeer>): Side {
  return {
    label,
    async run(task) {
      const peer = await open(text(task.params, 'endpoint'), text(task.params, 'name'));
      for (let n = number(task.params, 'warmUp'); n > 0; n -= 1) await peer.pair();
      task.tell('ready');
      let serve: (() => Promise<Served>) | undefined;
      for (;;) {
        const order = await task.hear<LockOrder>('order');
        if (order === 'stop') return { figures: {} };
        if (order === 'serve') task.tell('done', await serve?.());
        else if ('pairs' in order) task.tell('done', await timed(peer, order.pairs));
        else {
          const queue = await peer.queue?.(order.waiters);
          serve = () => queue?.serve() ?? Promise.reject(new Error(`${label} has no queue`));
          task.tell('done');
        }
      }
    },
  };
}

async function timed(peer: LockPeer, pairs: number): Promise<Paired> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  for (let n = 0; n < pairs; n += 1) await peer.pair();
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000 };
}

/** The same with a Go program, which this process only starts and hears. */
export const goLockSide: Side = {
  label: "Go's concurrency.Mutex",
  async run(task) {
    const name = text(task.params, 'name');
    const program = new GoProgram({ endpoints: text(task.params, 'endpoint'), lock: name });
    try {
      await program.answer('ready');
      program.order('pairs', { count: number(task.params, 'warmUp') });
      await program.answer('paired');
      task.tell('ready');
      for (;;) {
        const order = await task.hear<LockOrder>('order');
        if (order === 'stop') return { figures: {} };
        if (order === 'serve') {
          program.order('serve');
          task.tell('done', await program.answer('served'));
        } else if ('pairs' in order) {
          const cpuMs = processCpuMs(program.pid);
          program.order('pairs', { count: order.pairs });
          const { ms } = await program.answer('paired');
          task.tell('done', { ms, cpuMs: processCpuMs(program.pid) - cpuMs });
        } else {
          program.order('queue', { count: order.waiters });
          await program.answer('queued');
          task.tell('done');
        }
      }
    } finally {
      await program.kill();
    }
  },
};
