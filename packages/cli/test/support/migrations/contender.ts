import { spawn, type ChildProcess } from 'node:child_process';
import { Mover, type MoverArguments, type MoverProgram, StepError } from './mover.js';

/** A process that keeps a copy of a prefix. Whoever runs it starts it again when it ends. */
export interface Contender {
  readonly name: 'holdfast' | 'make-mirror';
  /** What it said when it ended by itself, in order. */
  readonly ends: readonly string[];
  /** Whether starting it again is no use: it has told that somebody must decide. */
  readonly needsDecision: boolean;
  start(): void;
  kill(): Promise<void>;
}

/** `replicate()` in a process of its own. */
export class HoldfastContender implements Contender {
  readonly name = 'holdfast';
  readonly ends: string[] = [];
  needsDecision = false;
  readonly #program: MoverProgram;
  readonly #given: MoverArguments;
  #mover: Mover | undefined;
  #supervising: NodeJS.Timeout | undefined;

  constructor(program: MoverProgram, given: MoverArguments) {
    this.#program = program;
    this.#given = given;
  }

  start(): void {
    const mover = new Mover(this.#program, this.#given);
    this.#mover = mover;
    const began = mover.step('replicate').catch((error: unknown) => {
      if (error instanceof StepError && error.code !== 'killed') this.#ended(mover, error);
    });
    this.#supervising = setInterval(() => {
      if (mover.stopped !== undefined) void began.then(() => mover.stopped && this.#ended(mover, mover.stopped));
    }, 100);
  }

  async kill(): Promise<void> {
    clearInterval(this.#supervising);
    const mover = this.#mover;
    this.#mover = undefined;
    await mover?.kill();
  }

  #ended(mover: Mover, { code }: StepError): void {
    if (this.#mover !== mover) return;
    this.ends.push(code);
    this.needsDecision = code === 'history-changed' || code === 'conflict';
    void this.kill().then(() => {
      if (!this.needsDecision) this.start();
    });
  }
}

/** `etcdctl make-mirror`, started again half a second after it has ended. */
export class MakeMirror implements Contender {
  readonly name = 'make-mirror';
  readonly ends: string[] = [];
  readonly needsDecision = false;
  readonly #etcdctl: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(etcdctl: string, source: string, target: string, prefix: string) {
    this.#etcdctl = etcdctl;
    this.#args = ['make-mirror', `--endpoints=${source}`, `--prefix=${prefix}`, target];
  }

  start(): void {
    const child = spawn(this.#etcdctl, this.#args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ETCDCTL_API: '3' },
    });
    this.#child = child;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)));
    child.once('close', () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.ends.push(said.trim().split('\n').at(-1)?.slice(0, 200) ?? '');
      this.#again = setTimeout(() => {
        this.start();
      }, 500);
    });
  }

  async kill(): Promise<void> {
    clearTimeout(this.#again);
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const gone = new Promise((done) => child.once('close', done));
    child.kill('SIGKILL');
    await gone;
  }
}
