import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** By how many bytes the process may grow. The hostile server is in it too, and fills the flow-control windows of all calls. */
const MOST_GROWTH = 192 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What of this process shows that something crashed or grows. */
export class Vitals implements Disposable {
  readonly #crashes: string[] = [];
  #calm = bytesNow();
  #most = 0;
  readonly #onCrash = (error: unknown): void => {
    this.#crashes.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  };

  constructor() {
    process.on('unhandledRejection', this.#onCrash);
    process.on('uncaughtException', this.#onCrash);
  }

  /** What the process holds now is not counted as growth, ever after. */
  begin(): void {
    collectGarbage();
    this.#calm = bytesNow();
  }

  look(): void {
    if (bytesNow() - this.#calm <= MOST_GROWTH) return;
    // What nobody holds any longer is not growth.
    collectGarbage();
    this.#most = Math.max(this.#most, bytesNow() - this.#calm);
  }

  /** Too much growth since the last call, in bytes. */
  takeGrowth(): number | undefined {
    const most = this.#most;
    this.#most = 0;
    return most > MOST_GROWTH ? most : undefined;
  }

  /** What nobody caught, since the last call. */
  takeCrashes(): readonly string[] {
    return this.#crashes.splice(0);
  }

  [Symbol.dispose](): void {
    process.off('unhandledRejection', this.#onCrash);
    process.off('uncaughtException', this.#onCrash);
  }
}

function bytesNow(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
