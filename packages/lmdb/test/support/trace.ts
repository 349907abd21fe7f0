import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program } from './program.js';

/** Whether system calls can be traced here: Debian's `strace` does it, where the machine lets it. */
export const canTrace =
  process.platform === 'linux' && spawnSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0;

// LMDB writes pages that lie side by side with one call.
const WRITES = new Set(['pwrite64', 'pwritev', 'writev']);

/** The begin or the end of a system call, in the order in which the kernel had them. */
interface Moment {
  readonly call: string;
  readonly isEnd: boolean;
  readonly args: string;
}

/** Runs a program under `strace`. Gives for each acknowledgement what was wrong with it. */
export async function traceAcks(program: string, args: readonly string[]): Promise<{ acks: number; faults: string[] }> {
  const file = join(mkdtempSync(join(tmpdir(), 'holdfast-lmdb-trace-')), 'trace');
  const calls = 'trace=pwrite64,pwritev,writev,fdatasync,fsync,write,openat,close';
  const traced = new Program(program, args, ['strace', '-f', '-s', '100000', '-o', file, '-e', calls]);
  const end = await traced.ended;
  if (end !== '0') throw new Error(`the traced program ended with ${end}: ${traced.errors.slice(0, 500)}`);
  return checkAcks(momentsIn(readFileSync(file, 'latin1')));
}

function momentsIn(trace: string): Moment[] {
  const moments: Moment[] = [];
  const begun = new Map<string, Moment>();
  for (const line of trace.split('\n')) {
    const [, pid = '', rest = ''] = /^(\d+)\s+(.*)$/s.exec(line) ?? [];
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/s.exec(rest);
    const first = begun.get(pid);
    if (resumed !== null && first !== undefined) {
      moments.push({ ...first, isEnd: true, args: first.args + (resumed[2] ?? '') });
      begun.delete(pid);
      continue;
    }
    const [, call, args = ''] = /^(\w+)\((.*)$/s.exec(rest) ?? [];
    if (call === undefined) continue;
    const moment = { call, isEnd: false, args };
    moments.push(moment);
    if (args.endsWith('<unfinished ...>')) begun.set(pid, moment);
    else moments.push({ ...moment, isEnd: true });
  }
  return moments;
}

/**
 * Before the process says that a write is acknowledged, three calls must be over, one after the other: the write of its bytes to the data file, a
 * flush of that file, and the write of the page that names them through a descriptor that flushes each write.
 */
function checkAcks(moments: readonly Moment[]): { acks: number; faults: string[] } {
  const flushing = new Set<string>();
  const faults: string[] = [];
  let acks = 0;
  moments.forEach(({ call, isEnd, args }, now) => {
    const opened = call === 'openat' && isEnd && args.includes('data.mdb') ? /= (\d+)\s*$/.exec(args)?.[1] : undefined;
    if (opened !== undefined && args.includes('O_DSYNC')) flushing.add(opened);
    const [, writer, n] = call === 'write' && !isEnd ? (/^1, "acked (\S+) (\d+) /.exec(args) ?? []) : [];
    if (n === undefined) return;
    acks += 1;
    const isOver = (fits: (moment: Moment) => boolean, after: number) =>
      moments.findIndex((moment, at) => at > after && at < now && moment.isEnd && fits(moment));
    const fdOf = (moment: Moment) => moment.args.split(',')[0] ?? '';
    const written = isOver((moment) => WRITES.has(moment.call) && moment.args.includes(`${n} of ${writer};`), -1);
    const began = moments.findIndex(
      (moment, at) => written >= 0 && at > written && at < now && !moment.isEnd && moment.call === 'fdatasync',
    );
    const synced =
      began < 0 ? -1 : isOver(({ call: name, args: of }) => name === 'fdatasync' && / = 0\s*$/.test(of), began);
    const named = synced < 0 ? -1 : isOver((moment) => WRITES.has(moment.call) && flushing.has(fdOf(moment)), synced);
    if (written < 0) faults.push(`${writer} ${n}: acknowledged before its bytes were written`);
    else if (synced < 0) faults.push(`${writer} ${n}: acknowledged before its bytes were flushed`);
    else if (named < 0) faults.push(`${writer} ${n}: acknowledged before the page that names them was flushed`);
  });
  return { acks, faults };
}
