import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { StoreError, type StoreErrorCode } from '@holdfast/store';
import type { Answer } from './programs/serve.js';

interface Pending {
  resolve(value: never): void;
  reject(error: Error): void;
}

/** A program of `programs/` in a process of its own, and calls of it. */
export class Remote {
  readonly #file: string;
  readonly #args: readonly string[];
  readonly #pending = new Map<number, Pending>();
  #calls = 0;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();

  constructor(program: string, args: readonly string[]) {
    this.#file = bundle(program);
    this.#args = args;
    this.start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it again. */
  start(): void {
    const child = fork(this.#file, [...this.#args], { serialization: 'advanced', execArgv: [] });
    this.#child = child;
    child.on('message', (answer: Answer) => {
      this.#take(answer);
    });
    this.#gone = new Promise((resolve) => {
      child.once('exit', () => {
        this.#child = undefined;
        for (const pending of this.#pending.values())
          pending.reject(new StoreError('unavailable', 'the process has ended', { outcome: 'unknown' }));
        this.#pending.clear();
        resolve();
      });
    });
  }

  async call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    const child = this.#child;
    if (child === undefined)
      throw new StoreError('unavailable', 'the process does not run', { outcome: 'not-applied' });
    this.#calls += 1;
    const id = this.#calls;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      // Where it fails, the process has ended, and its end is told.
      child.send({ id, method, args }, () => undefined);
    });
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#gone;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(join(this.#file, '..'), { recursive: true, force: true });
  }

  #take({ id, value, error }: Answer): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(value as never);
    else if (error.code === undefined) pending?.reject(new Error(error.message));
    else {
      const options = error.outcome === undefined ? {} : { outcome: error.outcome };
      pending?.reject(new StoreError(error.code as StoreErrorCode, error.message, options));
    }
  }
}

/** Makes one file of a program and of the sources that it uses. The campaign runs in the workspace's root. */
function bundle(program: string): string {
  const home = join(process.cwd(), 'checks', 'torture');
  const file = join(mkdtempSync(join(tmpdir(), 'holdfast-torture-')), `${program}.cjs`);
  buildSync({
    entryPoints: [join(home, 'src', 'stores', 'programs', `${program}.ts`)],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['lmdb'],
    tsconfig: join(process.cwd(), '.ci', 'tsconfig.check.json'),
    // LMDB's binary is found from the package that depends on it.
    banner: { js: `require = require('node:module').createRequire(${JSON.stringify(join(home, 'package.json'))});` },
    logLevel: 'error',
  });
  return file;
}
