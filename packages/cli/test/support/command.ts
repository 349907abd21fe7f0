import { createRequire } from 'node:module';
import { PassThrough } from 'node:stream';
import { memoryStore } from '@holdfast/memory';
import type { ConfigStore, StoreAdapter } from '@holdfast/store';
import { DelegatingDriver, GuardedStore } from '@holdfast/store/adapter';
import { eventually } from '@holdfast/testkit';
import { run } from '../../src/run.js';
import type { InputStream, Io, OutputStream, Signal } from '../../src/terminal/io.js';

export interface CommandOptions {
  readonly env?: Io['env'];
  /** What comes on the standard input. It ends after that, unless it is a terminal. */
  readonly input?: string | Uint8Array;
  /** The columns of the terminal that all streams are. */
  readonly terminal?: number;
  /** Adapters before the installed ones. */
  readonly adapters?: readonly StoreAdapter[];
  readonly cwd?: string;
  /** Nobody reads the standard output. */
  readonly closed?: boolean;
}

/** A command that runs in this process. */
export interface RunningCommand {
  readonly code: Promise<number>;
  /** What has been written so far. */
  readonly out: string;
  readonly bytes: Buffer;
  readonly err: string;
  type(text: string): void;
  /** Ends the standard input. */
  end(): void;
  signal(signal: Signal): void;
  /** Resolves when the output, or standard error, contains the text. */
  shows(text: string): Promise<void>;
}

/** Starts `holdfast ARGS` with streams and an environment of its own. */
export function startCommand(args: readonly string[], options: CommandOptions = {}): RunningCommand {
  const { env = {}, input, terminal, adapters = [], cwd = __dirname, closed } = options;
  const isTTY = terminal !== undefined;
  const stdin = Object.assign(new PassThrough(), { isTTY }) as InputStream & PassThrough;
  const [stdout, stderr] = [collector(terminal), collector(terminal)];
  if (closed) stdout.stream.destroy();
  if (input !== undefined) stdin.write(input);
  if (!isTTY) stdin.end();
  let listener: ((signal: Signal) => void) | undefined;
  const io: Io = {
    stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    env,
    cwd,
    self: __filename,
    adapters,
    // Jest loads CommonJS only.
    importModule: (file) => Promise.resolve({ default: createRequire(__filename)(file) as unknown }),
    onSignal: (given) => {
      listener = given;
      return () => (listener = undefined);
    },
  };
  const code = run(args, io);
  return {
    code,
    get out() {
      return stdout.bytes().toString();
    },
    get bytes() {
      return stdout.bytes();
    },
    get err() {
      return stderr.bytes().toString();
    },
    type: (text) => stdin.write(text),
    end: () => stdin.end(),
    signal: (signal) => listener?.(signal),
    shows: (text) =>
      eventually(() => {
        const all = stdout.bytes().toString() + stderr.bytes().toString();
        if (!all.includes(text)) throw new Error(`${JSON.stringify(text)} is not in ${JSON.stringify(all)}`);
      }).then(() => undefined),
  };
}

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly bytes: Buffer;
  readonly err: string;
}

/** Runs `holdfast ARGS` to its end. */
export async function command(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const running = startCommand(args, options);
  const code = await running.code;
  const { out, bytes, err } = running;
  return { code, out, bytes, err };
}

/** A store in memory that `memory:` opens again and again, as if it were a server. */
export function sharedMemory(
  store: ConfigStore = memoryStore(),
): Required<Pick<CommandOptions, 'adapters' | 'env'>> & { readonly store: ConfigStore } {
  const adapter: StoreAdapter = {
    scheme: 'memory',
    open: (_url, options) => new GuardedStore(new DelegatingDriver(store), options),
  };
  return { store, adapters: [adapter], env: { HOLDFAST_STORE: 'memory:' } };
}

function collector(columns: number | undefined): { stream: OutputStream; bytes: () => Buffer } {
  const chunks: Buffer[] = [];
  const stream = new PassThrough().on('data', (chunk: Buffer) => chunks.push(chunk));
  const terminal = columns === undefined ? {} : { isTTY: true, columns };
  return { stream: Object.assign(stream, terminal), bytes: () => Buffer.concat(chunks) };
}

/** The lines of NDJSON. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
