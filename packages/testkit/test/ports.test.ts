import { existsSync, writeFileSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { reservePort } from '@holdfast/testkit';

const folder = join(tmpdir(), `holdfast-ports-${userInfo().uid}`);
const lockOf = (port: number): string => join(folder, String(port));

/** Makes the next choices of a port those of ours, then free again. */
function choose(...ports: number[]): void {
  let random = jest.spyOn(Math, 'random');
  for (const port of ports) random = random.mockReturnValueOnce((port - 18_000) / 14_000 + 1e-9);
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a reserved port', () => {
  test('is nobody else’s until it is released, though nothing listens on it', async () => {
    const mine = await reservePort();
    choose(mine.port);
    const other = await reservePort();
    expect(other.port).not.toBe(mine.port);
    mine.release();
    choose(mine.port);
    const again = await reservePort();
    expect(again.port).toBe(mine.port);
    again.release();
    other.release();
  });

  test('is free: a port that somebody listens on is passed over', async () => {
    const probe = await reservePort();
    probe.release();
    const server = createServer().listen(probe.port, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    choose(probe.port);
    const other = await reservePort();
    expect(other.port).not.toBe(probe.port);
    expect(existsSync(lockOf(probe.port))).toBe(false);
    other.release();
    await new Promise((resolve) => server.close(resolve));
  });

  test('of a process that is gone is free again, for the next one but one', async () => {
    const probe = await reservePort();
    probe.release();
    mkdirSync(folder, { recursive: true });
    writeFileSync(lockOf(probe.port), '99999999'); // No process has this id.
    choose(probe.port);
    const other = await reservePort();
    expect(other.port).not.toBe(probe.port);
    choose(probe.port);
    const again = await reservePort();
    expect(again.port).toBe(probe.port);
    again.release();
    other.release();
    rmSync(lockOf(probe.port), { force: true });
  });
});
