import { readFileSync, readlinkSync } from 'node:fs';

/** What tells a process from all others that run, or ran, on this machine. Absent where the system does not say. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Of the machine's present boot. */
  readonly boot?: string;
  /** Of the container: its pids mean something only in there. */
  readonly pidSpace?: string;
  /** When the process began, in ticks since the boot: a pid is given to another process later. */
  readonly started?: string;
}

export function thisProcess(): ProcessIdentity {
  const boot = orAbsent(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const pidSpace = orAbsent(() => readlinkSync('/proc/self/ns/pid'));
  const started = startOf(process.pid);
  return {
    pid: process.pid,
    ...(boot === undefined ? {} : { boot }),
    ...(pidSpace === undefined ? {} : { pidSpace }),
    ...(started === undefined ? {} : { started }),
  };
}

/** Whether a process is certain to have ended: only one of the same boot and container can be looked for. */
export function hasEnded({ pid, boot, pidSpace, started }: ProcessIdentity): boolean {
  const own = thisProcess();
  if (boot === undefined || pidSpace === undefined || started === undefined) return false;
  if (own.started === undefined || own.boot !== boot || own.pidSpace !== pidSpace) return false;
  return startOf(pid) !== started;
}

/** When a process began; `undefined` where there is none, or one that has ended and is not buried yet. */
function startOf(pid: number): string | undefined {
  const text = orAbsent(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The name of the program may have spaces and brackets itself.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function orAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
