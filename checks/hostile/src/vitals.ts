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

  /** From now on growth counts. */
  begin(): void {
    this.#calm = bytesNow();
    this.#most = 0;
  }

  look(): void {
    this.#most = Math.max(this.#most, bytesNow() - this.#calm);
  }

  /** By how many bytes the process had grown at most. */
  get growth(): number {
    return this.#most;
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

/** Sockets of this process that are open. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

function bytesNow(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
