import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';

// Reads "+pid" and "-pid", and at the end of its input, however that came about, kills what is left and removes the data.
const SCRIPT = `
pids=
while IFS= read -r line; do
  case $line in
    +*) pids="$pids \${line#+}" ;;
    -*) rest=; for pid in $pids; do [ "$pid" = "\${line#-}" ] || rest="$rest $pid"; done; pids=$rest ;;
  esac
done
[ -z "$pids" ] || kill -9 $pids 2>/dev/null
rm -rf -- "$1"
`;

/**
 * Ends server processes when this process is gone, even if it was killed: an `exit` hook doesn't run then, nor inside a
 * test runner that gives its tests a `process` object of their own. A shell holds the other end of a pipe; the pipe's end
 * is its signal. It keeps neither this process nor its event loop alive.
 */
export class Watchdog {
  readonly #shell: ChildProcess;
  readonly #input: Socket;

  /** Removes `folder` too, in the end. */
  constructor(folder: string) {
    // A session of its own, so that an interrupt typed at the terminal does not end it before its work.
    this.#shell = spawn('sh', ['-c', SCRIPT, 'holdfast-watchdog', folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#input = this.#shell.stdin as Socket;
    this.#input.on('error', () => {}); // Somebody ended the shell; there is nobody to tell.
    this.#shell.on('error', () => {});
    this.#shell.unref();
    this.#input.unref();
  }

  watch(pid: number): void {
    this.#input.write(`+${pid}\n`);
  }

  forget(pid: number): void {
    this.#input.write(`-${pid}\n`);
  }

  /** Ends the watchdog, which cleans up what it still watches. */
  async release(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null || this.#shell.pid === undefined) return;
    this.#shell.ref();
    const ended = new Promise<void>((resolve) => {
      this.#shell.once('exit', () => {
        resolve();
      });
    });
    this.#input.end();
    await ended;
  }
}
