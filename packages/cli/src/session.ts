import { resolve } from 'node:path';
import type { ConfigStore } from '@holdfast/store';
import { messageOf } from '@holdfast/store/adapter';
import { CommandError, usage } from './exit/command-error.js';
import { EXIT } from './exit/exit-code.js';
import { openAddress } from './store/open-adapter.js';
import { storeAddress, type StoreAddress } from './store/store-address.js';
import { DEFAULT_TIMEOUT_S, type GlobalFlags } from './store/store-flags.js';
import { canAsk, readLine, readSecret } from './terminal/ask.js';
import { widthOf, type Io, type Signal } from './terminal/io.js';
import { Output } from './terminal/output.js';
import { readAll, readInputFile } from './terminal/read-input.js';
import { styleFor, type Style } from './terminal/style.js';
import { inline, quoted } from './text/inline.js';

/** An open store, as commands get it. */
export interface OpenStore {
  readonly store: ConfigStore;
  /** For people: without user, password and parameters. */
  readonly label: string;
}

/** One run of the command: its streams, its options, its signal, its exit code. */
export class Session {
  readonly io: Io;
  /** Results. */
  readonly out: Output;
  /** Everything else: questions, warnings, failures. */
  readonly notes: Output;
  /** The columns of the terminal that shows the results; `undefined` where there is none. */
  readonly width: number | undefined;
  readonly style: Style;
  readonly notesStyle: Style;
  exitCode: number = EXIT.done;
  readonly #interruption = new AbortController();
  #flags: GlobalFlags | undefined;
  #interruptedBy: Signal | undefined;
  #address: StoreAddress | undefined;

  constructor(io: Io) {
    this.io = io;
    this.out = new Output(io.stdout);
    this.notes = new Output(io.stderr);
    this.width = widthOf(io.stdout);
    this.style = styleFor(io.stdout, io.env);
    this.notesStyle = styleFor(io.stderr, io.env);
  }

  configure(flags: GlobalFlags): void {
    this.#flags = flags;
  }

  get json(): boolean {
    return this.#flags?.json === true;
  }

  /** How long one call to the store may take. */
  get timeoutMs(): number {
    return Math.ceil((this.#flags?.timeout ?? DEFAULT_TIMEOUT_S) * 1_000);
  }

  /** Every call to the store takes it: Ctrl-C ends the command. */
  get signal(): AbortSignal {
    return this.#interruption.signal;
  }

  get interruptedBy(): Signal | undefined {
    return this.#interruptedBy;
  }

  interrupt(signal: Signal): void {
    this.#interruptedBy ??= signal;
    this.#interruption.abort();
  }

  /** Says something beside the results. Nobody need read it: a closed standard error changes nothing. */
  async note(text: string): Promise<void> {
    await this.notes.line(text).catch(() => undefined);
  }

  /** Says something for people beside the results, and with `--json` the same for programs. */
  async remark(text: string, json: object): Promise<void> {
    await this.note(this.json ? JSON.stringify(json) : text);
  }

  /** Finds out which store is meant. That may ask for a password: what reads the standard input to its end does this first. */
  async findStore(): Promise<StoreAddress> {
    const flags = this.#flags ?? { timeout: DEFAULT_TIMEOUT_S };
    const ask = canAsk(this.io) ? (user: string) => this.#askPassword(user) : undefined;
    this.#address ??= await storeAddress(flags, this.io, ask);
    this.checkInterrupted();
    return this.#address;
  }

  /** Opens the store that the options name, and closes it afterwards, whatever happens. */
  async withStore<T>(work: (open: OpenStore) => Promise<T>): Promise<T> {
    const address = await this.findStore();
    const store = await openAddress(address, this.io, this.timeoutMs);
    try {
      return await work({ store, label: address.label });
    } finally {
      await store.close();
    }
  }

  /**
   * Opens the store of `--store` and a second one, and closes both afterwards. The environment's users and TLS files are those of the first
   * store alone: none of its secrets go to the second one.
   *
   * @param target the option `--target`
   */
  async withStores<T>(
    target: string | undefined,
    work: (source: OpenStore, target: OpenStore) => Promise<T>,
  ): Promise<T> {
    const given = target ?? this.io.env['HOLDFAST_TARGET'] ?? '';
    if (given === '') {
      throw usage(
        'no target is named',
        'Name the second store with --target or HOLDFAST_TARGET, such as etcd-v3://new:2379.',
      );
    }
    await this.findStore();
    const ask = canAsk(this.io) ? (user: string) => this.#askPassword(user) : undefined;
    const address = await storeAddress(
      { store: given, timeout: DEFAULT_TIMEOUT_S },
      { env: {}, cwd: this.io.cwd },
      ask,
    );
    this.checkInterrupted();
    return this.withStore(async (source) => {
      const store = await openAddress(address, this.io, this.timeoutMs);
      try {
        return await work(source, { store, label: address.label });
      } finally {
        await store.close();
      }
    });
  }

  /**
   * Asks before something is destroyed.
   *
   * @param yes the option `--yes`
   * @returns whether it may be done
   * @throws CommandError where nobody can be asked
   */
  async confirm(question: string, yes: boolean | undefined): Promise<boolean> {
    if (yes === true) return true;
    if (!canAsk(this.io)) {
      throw usage(
        'nothing was changed: there is no terminal to ask for a confirmation',
        'Say --yes to do it without being asked, or --dry-run to see what it would do.',
      );
    }
    if (await this.ask(question)) return true;
    await this.note('Nothing was changed.');
    this.exitCode = EXIT.answer;
    return false;
  }

  /** Whether there is a person to be asked. */
  get canAsk(): boolean {
    return canAsk(this.io);
  }

  /** Asks the person at the terminal. @returns whether the answer is yes */
  async ask(question: string): Promise<boolean> {
    const isAsked = await this.notes.write(`${question} [y/N] `).then(
      () => true,
      () => false,
    );
    if (!isAsked)
      throw usage('nothing was changed: the question was not shown', 'Say --yes to do it without being asked.');
    const answer = await readLine(this.io.stdin, this.signal);
    // What comes next begins on a line of its own.
    if (this.#interruptedBy !== undefined) await this.note('');
    this.checkInterrupted();
    return /^y(es)?$/i.test((answer ?? '').trim());
  }

  /**
   * A file, byte for byte, or everything on the standard input.
   *
   * @param file `-` is the standard input
   * @throws CommandError if the file can't be read
   */
  async readFile(file: string): Promise<Uint8Array> {
    if (file === '-') {
      await this.findStore();
      return this.#readInput();
    }
    try {
      return await readInputFile(resolve(this.io.cwd, file), this.signal);
    } catch (error) {
      this.checkInterrupted();
      throw usage(`the file ${quoted(file)} can't be read: ${messageOf(error)}`, 'Check its name and its permissions.');
    }
  }

  async #readInput(): Promise<Uint8Array> {
    try {
      return await readAll(this.io.stdin, this.signal);
    } catch (error) {
      this.checkInterrupted();
      throw error;
    }
  }

  /** @throws CommandError if a signal has come */
  checkInterrupted(): void {
    if (this.#interruptedBy === undefined) return;
    throw new CommandError('aborted', EXIT[this.#interruptedBy], `stopped by ${this.#interruptedBy}`, 'Run it again.');
  }

  async #askPassword(user: string): Promise<string> {
    const password = await readSecret(
      this.io.stdin,
      () => {
        void this.notes.write(`Password of ${inline(user)}: `).catch(() => undefined);
      },
      () => {
        this.interrupt('SIGINT');
      },
      this.signal,
    );
    await this.note('');
    this.checkInterrupted();
    if (password !== undefined) return password;
    throw usage(
      'the input ended before there was a password',
      'Name a file with --password-file, or set HOLDFAST_PASSWORD.',
    );
  }
}
