import { CommandError } from '../exit/command-error.js';
import { EXIT } from '../exit/exit-code.js';
import type { OutputStream } from './io.js';

/** Whoever read the output has enough, as `head` does. That is no failure. */
export class OutputClosed extends Error {}

/** Writes whole lines, each when the one before is out. So a signal or a closed pipe never leaves half a line of ours. */
export class Output {
  readonly #stream: OutputStream;
  #failure: NodeJS.ErrnoException | undefined;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    // Without a listener, a closed pipe would end the process with a stack trace.
    stream.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  line(text: string): Promise<void> {
    return this.write(`${text}\n`);
  }

  /** Writes what comes before a failure. The failure counts, whether anybody reads this or not. */
  async lineBeforeFailure(text: string): Promise<void> {
    await this.line(text).catch(() => undefined);
  }

  /** @throws OutputClosed if nobody reads any more; `CommandError` if the output can't be written, such as on a full disk */
  async write(chunk: string | Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    if (this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#stream.write(chunk, (error) => {
          this.#failure ??= error ?? undefined;
          resolve();
        });
      });
    }
    if (this.#failure === undefined) return;
    if (['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'].includes(this.#failure.code ?? '')) {
      throw new OutputClosed();
    }
    throw new CommandError(
      'internal',
      EXIT.refused,
      `the output can't be written: ${this.#failure.message}`,
      'Check where the output goes, such as the space on its disk.',
    );
  }
}
