import { Buffer } from 'node:buffer';
import { basename, dirname, join } from 'node:path';
import type { Clock, TimerHandle } from '@holdfast/store';
import { monotonicMs } from '@holdfast/store/adapter';
import { codeOf, type FileSystem } from './file-system.js';
import { hasEnded, type ProcessIdentity, thisProcess } from './process-identity.js';

/** How often the writer shows that it lives, in milliseconds. */
export const BEAT_MS = 2_000;
/** After this long without a sign of life, in milliseconds, a writer counts as gone. */
const SILENCE_MS = 10_000;

interface Mark {
  readonly number: number;
  readonly path: string;
}

/**
 * Which of the processes that name one snapshot writes it: the one that made the mark with the highest number. Marks are made by exclusive
 * creation, so that two never make the same one. The writer shows that it lives by touching its mark; after some silence, or where the
 * system says that its process has ended, another one makes the next mark. Pids alone decide nothing: in containers every process is pid 1.
 */
export class WriterMark {
  readonly #files: FileSystem;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #instance = crypto.randomUUID();
  #own: Mark | undefined;
  #timer: TimerHandle;
  /** The sign of life that was seen last, and since when it is the last one. */
  #seen: { readonly sign: string; readonly since: number } | undefined;

  constructor(files: FileSystem, path: string, clock: Clock) {
    this.#files = files;
    this.#path = path;
    this.#clock = clock;
  }

  /** Becomes the writer, if there is none. Returns whether this is the writer. */
  async claim(): Promise<boolean> {
    if (await this.holds()) return true;
    const highest = (await this.#marks()).at(-1);
    if (highest !== undefined && !(await this.#isGone(highest))) return false;
    const mark = this.#mark((highest?.number ?? 0) + 1);
    try {
      const file = await this.#files.create(mark.path, true);
      try {
        const text = JSON.stringify({ instance: this.#instance, ...thisProcess() });
        await file.write(Buffer.from(text), 0);
      } finally {
        await file.close();
      }
    } catch (error) {
      // Another process was quicker.
      if (codeOf(error) === 'EEXIST') return false;
      await this.#files.remove(mark.path).catch(() => undefined);
      throw error;
    }
    this.#own = mark;
    this.#seen = undefined;
    this.#beat();
    for (const { number, path } of await this.#marks()) if (number < mark.number) await this.#files.remove(path);
    return this.holds();
  }

  /** Whether this is still the writer: to be asked before anything is written. A process may have been suspended meanwhile. */
  async holds(): Promise<boolean> {
    if (this.#own === undefined) return false;
    const { number, path } = this.#own;
    // Numbers begin anew when no mark is left: it may be the mark of another one by now.
    if ((await this.#marks()).at(-1)?.number === number && (await this.#isOfThis(path))) return true;
    this.#forget();
    return false;
  }

  /** Is the writer no longer. */
  async release(): Promise<void> {
    const own = this.#own;
    this.#forget();
    if (own !== undefined && (await this.#isOfThis(own.path))) await this.#files.remove(own.path);
  }

  async #isOfThis(path: string): Promise<boolean> {
    const bytes = await this.#files.read(path);
    return bytes !== undefined && Buffer.from(bytes).toString('utf8').includes(this.#instance);
  }

  #forget(): void {
    this.#own = undefined;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #beat(): void {
    const own = this.#own;
    if (own === undefined) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#files
        .touch(own.path)
        .catch(() => undefined)
        .finally(() => {
          if (this.#own === own) this.#beat();
        });
    }, BEAT_MS);
  }

  async #isGone({ path }: Mark): Promise<boolean> {
    const [bytes, facts] = [await this.#files.read(path), await this.#files.stat(path)];
    if (bytes === undefined || facts === undefined) return false;
    const text = Buffer.from(bytes).toString('utf8');
    const writer = processOf(text);
    if (writer !== undefined && hasEnded(writer)) return true;
    const now = monotonicMs(this.#clock);
    // By this process's own time: clocks of machines that share a volume may differ.
    const sign = `${facts.id} ${facts.changed} ${text}`;
    if (this.#seen?.sign !== sign) this.#seen = { sign, since: now };
    return now - this.#seen.since >= SILENCE_MS;
  }

  /** All marks, the highest last. */
  async #marks(): Promise<readonly Mark[]> {
    const start = `${basename(this.#path)}.writer-`;
    const names = await this.#files.list(dirname(this.#path));
    const numbers = names.flatMap((name) => {
      const rest = name.startsWith(start) ? name.slice(start.length) : '';
      return /^\d{1,15}$/.test(rest) ? [Number(rest)] : [];
    });
    return numbers.sort((a, b) => a - b).map((number) => this.#mark(number));
  }

  #mark(number: number): Mark {
    return { number, path: join(dirname(this.#path), `${basename(this.#path)}.writer-${number}`) };
  }
}

function processOf(text: string): ProcessIdentity | undefined {
  try {
    const given = JSON.parse(text) as ProcessIdentity;
    return typeof given.pid === 'number' ? given : undefined;
  } catch {
    return undefined;
  }
}
