import type { Clock } from '@holdfast/store';
import { monotonicMs, systemClock } from '@holdfast/store/adapter';
import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { uptime } from 'node:os';

/** What the file says of the whole store: one record, which each write writes anew. */
export interface StoreState {
  /** The newest revision. */
  head: number;
  /** The newest revision whose changes are gone. */
  compacted: number;
  /** The name of the history, as in bookmarks. Its last part is random, and renewed where revisions may have been lost. */
  identity: string;
  /** Since its last write, all of the file was flushed, and nobody has begun to write since. */
  clean: boolean;
  /** Which start of the machine wrote last. */
  bootId: string;
  /** The pid namespace of the process that opened it last. */
  pidNamespace: string;
  /** Revisions between these two may have been given to somebody and lost: they can't be read. */
  lost: readonly [after: number, before: number] | undefined;
  /** Grows with each write, also of leases alone. */
  serial: number;
}

export const FORMAT = 1;

export function newIdentity(): string {
  return `lmdb-${randomBytes(8).toString('hex')}`;
}

/** The same store after it may have lost its last revisions: another epoch. */
export function renewedIdentity(identity: string): string {
  const [name = ''] = identity.split('.');
  return `${name}.${randomBytes(6).toString('hex')}`;
}

/** The machine, as far as leases and identities concern it. */
export interface Machine {
  /** Another one after each start of the machine. */
  readonly bootId: string;
  readonly pidNamespace: string;
  /** Milliseconds since the machine started, the same in each process: no wall clock, and it goes on while the machine sleeps. */
  uptimeMs(): number;
}

/** @param clock a clock of the caller's judges leases in place of the machine's: for tests, where all processes have the same one */
export function thisMachine(clock: Clock): Machine {
  return {
    bootId: bootId(),
    pidNamespace: pidNamespace(),
    uptimeMs: clock === systemClock ? () => uptime() * 1_000 : () => monotonicMs(clock),
  };
}

function bootId(): string {
  try {
    if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    if (process.platform === 'darwin') {
      return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim();
    }
  } catch {
    // Then the moment of the start has to do.
  }
  // In steps of ten minutes: a wall clock that is set a little must not look like another start.
  return `started-${Math.round((Date.now() / 1_000 - uptime()) / 600)}`;
}

function pidNamespace(): string {
  try {
    return process.platform === 'linux' ? readlinkSync('/proc/self/ns/pid') : '';
  } catch {
    return '';
  }
}
