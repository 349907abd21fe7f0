// A program that runs on one of the runtimes: its answers, what it printed on stderr, and its end.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Program {
  /** `Node 22 on etcd-v3` */
  name;
  #child;
  #calls = 0;
  #waiting = new Map();
  #printed = '';
  /** `{ status, signal }`, once it has ended. */
  ended;

  constructor(name, command, options) {
    this.name = name;
    this.#child = spawn(command[0], command.slice(1), { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.on('data', (data) => (this.#printed += data));
    this.#child.stdin.on('error', () => undefined); // A program that has ended reads nothing; `ended` reports that.
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#answer(line));
    this.ended = new Promise((resolve) => {
      this.#child.on('error', ({ message }) => resolve({ signal: message }));
      this.#child.on('close', (status, signal) => resolve({ status, signal }));
    });
    void this.ended.then(({ status, signal }) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`it ended by ${signal ?? `exit ${status}`}: ${this.printed}`));
    });
  }

  /** The last lines on stderr, and the last on stdout that are no answers. */
  get printed() {
    return this.#printed.trim().slice(-600);
  }

  /** Resolves once the program says that it is ready. */
  ready(timeoutMs) {
    return this.#expect(0, timeoutMs, 'being ready');
  }

  /** Sends the program a call, and returns its answer. */
  call(call, rest = {}, timeoutMs = 15_000) {
    const id = ++this.#calls;
    const answer = this.#expect(id, timeoutMs, call);
    this.#child.stdin.write(`${JSON.stringify({ id, call, ...rest })}\n`);
    return answer;
  }

  kill() {
    this.#child.kill('SIGKILL');
  }

  #expect(id, timeoutMs, what) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`no answer to ${what} within ${timeoutMs} ms: ${this.printed}`)),
        timeoutMs,
      );
      const settled = (settle) => (value) => {
        clearTimeout(late);
        this.#waiting.delete(id);
        settle(value);
      };
      this.#waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
    });
  }

  #answer(line) {
    let answer;
    try {
      answer = JSON.parse(line);
    } catch {
      this.#printed += `${line}\n`;
      return;
    }
    const { resolve, reject } = this.#waiting.get(answer.id) ?? {};
    if (answer.error === undefined) resolve?.(answer.result);
    else reject?.(new Error(answer.error));
  }
}
