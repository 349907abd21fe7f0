import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** The variable that names the compiled program of `bench/go`. Without Go there is none. */
const VARIABLE = 'HOLDFAST_BENCH_GO';

export function goProgram(): string | undefined {
  return process.env[VARIABLE] || undefined;
}

/** Whether a side of a row can run: one in Go, which its name begins with, needs the program. */
export function canRun(side: string): boolean {
  return !side.startsWith('go') || goProgram() !== undefined;
}

/** What the program answers, by name. */
interface Answers {
  ready: object;
  loaded: object;
  reached: object;
  checked: { readonly digests: readonly string[]; readonly reloads: number };
  paired: { readonly ms: number };
  queued: object;
  served: { readonly ms: number; readonly outOfOrder: number };
  held: { readonly ms: number; readonly cpuMs: number; readonly rssBytes: number; readonly keys: number };
  reset: object;
  arrived: { readonly latencies?: readonly number[] };
}

type Answer = { readonly name: string; readonly message?: string };

/** Clients of Go's `clientv3`, in a process of their own. Orders and answers are JSON objects, one a line. See `bench/go/main.go`. */
export class GoProgram {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(args: Readonly<Record<string, string | number>>) {
    const program = goProgram();
    if (program === undefined) throw new Error(`${VARIABLE} names no program`);
    const flags = Object.entries(args).map(([name, value]) => `--${name}=${value}`);
    this.#child = spawn(program, flags, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { pid, stdout: output } = this.#child;
    if (pid === undefined || output === null) throw new Error(`${program} can't be started`);
    this.pid = pid;
    this.#answers = createInterface({ input: output })[Symbol.asyncIterator]();
  }

  order(name: string, more: Readonly<Record<string, string | number>> = {}): void {
    this.#child.stdin?.write(`${JSON.stringify({ name, ...more })}\n`);
  }

  /** The next answer, which must have this name. */
  async answer<Name extends keyof Answers>(name: Name): Promise<Answers[Name]> {
    const next: IteratorResult<string, unknown> = await this.#answers.next();
    if (next.done === true) throw new Error(`the Go program ended before it said ${name}`);
    const answer = JSON.parse(next.value) as Answer;
    if (answer.name !== name) throw new Error(`the Go program said ${answer.message ?? answer.name}, not ${name}`);
    return answer as unknown as Answers[Name];
  }

  /** Resolves when the process is gone: nobody else would collect it. */
  async kill(): Promise<void> {
    const gone = once(this.#child, 'exit');
    if (this.#child.exitCode === null && this.#child.kill('SIGKILL')) await gone;
  }
}
