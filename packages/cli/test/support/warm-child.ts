import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { root } from './markdown-sample.js';

/** What a process does: it mirrors, and tells on its standard output each revision that it shows, and when. */
const PROGRAM = `
  import { writeSync } from 'node:fs';
  import { mirror } from '@holdfast/core';
  import { fileSnapshot } from '@holdfast/core/file-snapshot';
  import { etcdV3Store } from '@holdfast/etcd-v3';
  const { endpoint, path, prefix, options } = JSON.parse(process.env.WARM);
  // A machine that lets it stand still takes no more than the turn of one timer from it.
  let ranMs = 0;
  let turnedAt = performance.now();
  const turn = () => {
    ranMs += Math.min(performance.now() - turnedAt, 50);
    turnedAt = performance.now();
  };
  setInterval(turn, 5).unref();
  const tell = (told) => {
    turn();
    writeSync(1, JSON.stringify({ ...told, at: performance.now(), ranMs }) + '\\n');
  };
  const warn = (text) => tell({ warning: text });
  tell({ pid: process.pid });
  const logger = { debug() {}, info() {}, warn, error: warn };
  const store = etcdV3Store({ endpoints: [endpoint] });
  const shown = (state) => tell({ state: state.status, reason: state.reason });
  const config = await mirror(store, {
    prefix, snapshot: fileSnapshot(path), logger, ...options,
    onChange: ({ bookmark }) => tell({ revision: bookmark.revision }), onState: shown,
  });
  tell({ ready: true, size: config.size, state: config.state.status, reason: config.state.reason, revision: config.revision });
  process.on('SIGTERM', async () => { await config.close(); await store.close(); process.exit(0); });
`;

export interface Told {
  readonly at: number;
  /** For how many milliseconds the process has run, without those in which it stood still. */
  readonly ranMs: number;
  /** What `strace` runs, which would outlive it. */
  readonly pid?: number;
  readonly revision?: number;
  readonly state?: string;
  readonly reason?: string;
  readonly ready?: true;
  readonly size?: number;
  readonly warning?: string;
}

export interface WarmChild {
  readonly process: ChildProcess;
  readonly told: readonly Told[];
  /** Resolves when the process is gone, with its exit code or signal. */
  readonly gone: Promise<number | string>;
  kill(signal?: NodeJS.Signals): Promise<number | string>;
}

export interface WarmOptions {
  readonly endpoint: string;
  readonly path: string;
  readonly prefix: string;
  readonly options?: object;
  /** What the process runs under. */
  readonly under?: readonly string[];
}

/** A process of its own, of the built packages, that keeps a snapshot of a mirror. */
export function warmChild({ under = [], ...warm }: WarmOptions): WarmChild {
  const command = [...under, process.execPath, '--input-type=module', '--eval', PROGRAM] as const;
  const [program = process.execPath, ...args] = command;
  const child = spawn(program, args, {
    // Where these packages are found by their names.
    cwd: join(root, 'packages', 'cli'),
    env: { ...process.env, NODE_OPTIONS: '', WARM: JSON.stringify(warm) },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const told: Told[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => told.push(JSON.parse(line) as Told));
  const gone = new Promise<number | string>((resolve) => {
    child.on('close', (code, signal) => {
      resolve(signal ?? code ?? -1);
    });
  });
  return {
    ...{ process: child, told, gone },
    kill: (signal = 'SIGKILL') => {
      const pid = told.find((each) => each.pid !== undefined)?.pid;
      try {
        if (pid !== undefined) process.kill(pid, signal);
        else child.kill(signal);
      } catch {
        // It is gone already.
      }
      return gone;
    },
  };
}
