import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { buildSync } from 'esbuild';

export interface Place {
  readonly kind: 'v2' | 'v3';
  readonly endpoint: string;
}

/** What a mover is started with. */
export interface MoverArguments {
  readonly source: Place;
  readonly target: Place;
  readonly prefix: string;
  readonly name: string;
  readonly drainMs?: number;
  readonly acceptHistory?: boolean;
  readonly onConflict?: 'stop' | 'skip' | 'overwrite';
}

export interface Order {
  readonly step: 'copy' | 'verify' | 'cutOver' | 'retreat' | 'finish' | 'replicate' | 'sync';
}

export interface Answer {
  readonly step: Order['step'] | 'stopped';
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/** A step failed, or, with the code `killed`, nobody will tell. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The program of movers, made into one file that Node can run. */
export class MoverProgram {
  readonly file: string;

  constructor() {
    const root = resolve(__dirname, '../../../../..');
    this.file = join(mkdtempSync(join(tmpdir(), 'holdfast-mover-')), 'mover.cjs');
    buildSync({
      entryPoints: [join(__dirname, 'programs', 'mover.ts')],
      outfile: this.file,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      tsconfig: join(root, '.ci', 'tsconfig.check.json'),
      logLevel: 'error',
    });
  }

  close(): void {
    rmSync(dirname(this.file), { recursive: true, force: true });
  }
}

/** A process that migrates or replicates. It may be killed, suspended and woken. */
export class Mover {
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  readonly #waiting = new Map<string, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  /** Why it ended by itself. */
  #stopped: StepError | undefined;

  constructor(program: MoverProgram, given: MoverArguments) {
    const child = fork(program.file, [JSON.stringify(given)], { execArgv: [] });
    this.#child = child;
    child.on('message', (answer: Answer) => {
      this.#take(answer);
    });
    this.#gone = new Promise((done) => {
      child.once('exit', () => {
        for (const { reject } of this.#waiting.values()) reject(new StepError('killed', 'the mover has ended'));
        this.#waiting.clear();
        done();
      });
    });
  }

  /** Why the replication ended by itself; `undefined` while it goes on. */
  get stopped(): StepError | undefined {
    return this.#stopped;
  }

  /** @throws StepError */
  step<T>(step: Order['step']): Promise<T> {
    return new Promise<T>((done, reject) => {
      this.#waiting.set(step, { resolve: done, reject });
      // Where it fails the process has ended, and that is told.
      this.#child.send({ step }, () => undefined);
    });
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  suspend(): void {
    this.#child.kill('SIGSTOP');
  }

  wake(): void {
    this.#child.kill('SIGCONT');
  }

  #take({ step, value, error }: Answer): void {
    if (step === 'stopped') {
      this.#stopped = new StepError(error?.code ?? 'internal', error?.message ?? '');
      return;
    }
    const waiting = this.#waiting.get(step);
    this.#waiting.delete(step);
    if (error === undefined) waiting?.resolve(value as never);
    else waiting?.reject(new StepError(error.code, error.message));
  }
}
