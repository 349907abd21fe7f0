import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

let ticksPerSecond: number | undefined;

/** The CPU time that a process has used, in its code and in the kernel, in milliseconds. Linux alone tells it of other processes. */
export function processCpuMs(pid: number): number {
  if (process.platform !== 'linux')
    throw new Error('the CPU time of other processes is read from /proc: this needs Linux');
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program comes second, in parentheses, and may hold anything. User time is the 14th field, system time the 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}
