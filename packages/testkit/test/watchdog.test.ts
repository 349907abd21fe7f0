import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { transformFileSync } from '@swc/core';
import { eventually } from '@holdfast/testkit';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Runs code that has the Watchdog in a Node process of its own: the one that a test may kill. */
function runWithWatchdog(code: string, folder: string): ReturnType<typeof spawn> {
  const { code: watchdog } = transformFileSync(resolve(__dirname, '../src/etcd/watchdog.ts'), {
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
  });
  return spawn(process.execPath, ['-e', `${watchdog}\n${code}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, FOLDER: folder },
  });
}

const SERVERS = `
  const { spawn } = require('node:child_process');
  const [kept, ended] = [1, 2].map(() => spawn('sleep', ['600'], { stdio: 'ignore' }));
  const watchdog = new exports.Watchdog(process.env.FOLDER);
  watchdog.watch(kept.pid);
  watchdog.watch(ended.pid);
  watchdog.forget(ended.pid);
  console.log(kept.pid + ' ' + ended.pid);
`;

describe('a watchdog', () => {
  test.each(['SIGKILL', 'SIGTERM'] as const)('ends what it watches when its process is gone by %s', async (signal) => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-watchdog-'));
    const parent = runWithWatchdog(SERVERS, folder);
    const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
    const [kept = 0, ended = 0] = line.toString().trim().split(' ').map(Number);
    try {
      expect([isAlive(kept), isAlive(ended), existsSync(folder)]).toEqual([true, true, true]);
      parent.kill(signal);
      await eventually(() => expect([isAlive(kept), existsSync(folder)]).toEqual([false, false]));
      expect(isAlive(ended)).toBe(true);
    } finally {
      process.kill(ended, 'SIGKILL');
    }
  });

  test('does not keep its process alive', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-watchdog-'));
    const parent = runWithWatchdog('new exports.Watchdog(process.env.FOLDER)', folder);
    expect(await once(parent, 'exit')).toEqual([0, null]);
  });
});
