import { GoProgram } from '../peers/go-program.js';
import { COUNT_PASSES } from './event-counts.js';
import { COMPILED_AFTER, countedOf, PATIENCE_MS } from './latency-round.js';
import { processCpuMs } from './process-cpu.js';
import type { Side } from './row.js';
import { percentile } from './stats.js';
import { number, text } from './task.js';

/** A watch of Go's client into a map of parsed values, in a program which this process only starts and hears. It takes part in each step of the round. */
export const goLatencySide: Side = {
  label: "Go's clientv3, encoding/json, map",
  async run(task) {
    const writes = number(task.params, 'writes');
    const program = new GoProgram({ endpoints: text(task.params, 'endpoint'), note: text(task.params, 'prefix') });
    /** How late each of so many writes came, of those that did. */
    const arrive = async (told: string, count: number): Promise<readonly number[]> => {
      program.order('reset');
      await program.answer('reset');
      task.tell(told);
      program.order('reach', { count, patienceMs: PATIENCE_MS });
      return (await program.answer('arrived')).latencies ?? [];
    };
    /** The same, with the program's CPU time meanwhile. */
    const measured = async (told: string) => {
      const before = processCpuMs(program.pid);
      const latencies = await arrive(told, writes);
      return { latencies, cpuMs: processCpuMs(program.pid) - before };
    };
    try {
      await program.answer('ready');
      task.tell('listening');
      await task.hear('warm');
      const { latencies, cpuMs } = await measured('measuring');
      await arrive('compiling', COMPILED_AFTER * writes);
      const { cpuMs: warmCpuMs } = await measured('measuring again');
      // What these passes count, Go does not have.
      for (const pass of COUNT_PASSES) await arrive(`counting ${pass}`, countedOf(writes));
      const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)];
      return { figures: { p50, p99, cpuMs, warmCpuMs, lost: writes - latencies.length } };
    } finally {
      await program.kill();
    }
  },
};
