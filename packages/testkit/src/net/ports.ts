import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

// Below the ranges that Linux (32768 and up) and macOS (49152 and up) give to outgoing connections and to `listen(0)`:
// a server that is stopped and started again finds its port still free.
const FIRST_PORT = 18_000;
const PORTS = 14_000;
const MAX_TRIES = 200;

/** A loopback port that no other test process takes until it is released, whether or not anything listens on it. */
export interface ReservedPort {
  readonly port: number;
  release(): void;
}

/**
 * Reserves a free loopback port. A test binds, frees and binds its ports again (a restarted server, a proxy that refuses
 * connections), so that "free now" is not enough: a lock file keeps other test processes away in between.
 */
export async function reservePort(): Promise<ReservedPort> {
  const folder = join(tmpdir(), `holdfast-ports-${userInfo().uid}`);
  mkdirSync(folder, { recursive: true });
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    const lock = join(folder, String(port));
    if (!takeLock(lock)) continue;
    const release = (): void => {
      rmSync(lock, { force: true });
    };
    if (await canListen(port)) return { port, release };
    release();
  }
  throw new Error(`No free loopback port found in ${MAX_TRIES} tries; see what listens, and clear ${folder}`);
}

function takeLock(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Left behind by a killed process: it is cleared for later, and never taken over in the same step, so that two
    // processes which find it at once can't both have it.
    if (!isAlive(ownerOf(lock))) rmSync(lock, { force: true });
    return false;
  }
}

function ownerOf(lock: string): number {
  try {
    return Number(readFileSync(lock, 'utf8'));
  } catch {
    return process.pid; // Just released, or just being written: somebody else's either way.
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return true; // Created and not yet written.
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
