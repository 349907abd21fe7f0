import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Mailbox } from './mailbox.js';
import { sideOf, sideStart } from './other-checkout.js';
import { PROFILE_VARIABLE } from './profiler.js';
import type { Sample } from './row.js';
import type { Message, Params } from './task.js';

/** Longer than the longest side, the soak, takes. */
const TIMEOUT_MS = 20 * 60_000;

export interface SideProcessOptions {
  /** The compiled `child.js`. */
  readonly script: string;
  readonly row: string;
  readonly side: string;
  readonly params: Params;
  /** Where to write a CPU profile. */
  readonly profileFolder?: string | undefined;
  /** The folder of the other checkout, if there is one. */
  readonly against?: string | undefined;
}

/** One run of one side in a process of its own: neither its heap nor V8's optimisations come from another side. */
export class SideProcess {
  readonly result: Promise<Sample>;
  readonly #child: ChildProcess;
  readonly #mailbox = new Mailbox();
  #fail: (error: Error) => void = () => undefined;

  constructor({ script, row, side, params, profileFolder, against }: SideProcessOptions) {
    const { execArgv, env } = sideStart(script, side, against);
    this.#child = fork(script, [], {
      execArgv: ['--expose-gc', '--max-old-space-size=8192', ...execArgv],
      env: {
        ...process.env,
        ...(profileFolder !== undefined && { [PROFILE_VARIABLE]: join(profileFolder, `${row}-${side}`) }),
        ...env,
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.result = new Promise<Sample>((resolve, reject) => {
      this.#fail = reject;
      const timer = setTimeout(() => {
        reject(new Error(`${row}/${side} did not end within ${TIMEOUT_MS / 60_000} minutes`));
        this.kill();
      }, TIMEOUT_MS);
      this.#child.on('message', (message: Message) => {
        if (message.kind === 'tell') this.#mailbox.put(message.name, message.data);
        else if (message.kind === 'done') resolve(message.sample as Sample);
        else if (message.kind === 'failed') reject(new Error(`${row}/${side}: ${message.message}`));
      });
      this.#child.on('exit', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`${row}/${side} ended early, by ${signal ?? `exit ${code}`}`));
      });
    });
    // Whoever waits for something else is told as well, by `hear`.
    this.result.catch(() => undefined);
    this.#send({ kind: 'begin', row, side: sideOf(side).side, params });
  }

  tell(name: string, data?: unknown): void {
    this.#send({ kind: 'tell', name, data });
  }

  /** The side's message of this name. Rejects if the side ends instead. */
  async hear<T>(name: string): Promise<T> {
    const ended = this.result.then(() => {
      throw new Error(`a side ended without telling ${name}`);
    });
    return (await Promise.race([this.#mailbox.take(name), ended])) as T;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: Message): void {
    if (!this.#child.connected) return;
    this.#child.send(message, (error) => {
      if (error !== null) this.#fail(error);
    });
  }
}
