import { buildSync, type BuildOptions } from 'esbuild';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const here = resolve(__dirname, '..');
const root = resolve(here, '../../..');

export interface Edit {
  readonly find: string;
  readonly replace: string;
}

/**
 * Makes one file of a program in `programs/` and of the sources that it uses, which Node can run.
 *
 * @param edit put into the result: a build with a fault
 */
export function buildProgram(name: string, edit?: Edit): string {
  const file = join(mkdtempSync(join(tmpdir(), 'holdfast-lmdb-program-')), `${name}.cjs`);
  const options: BuildOptions = {
    entryPoints: [join(here, 'programs', `${name}.ts`)],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['lmdb'],
    tsconfig: join(root, '.ci', 'tsconfig.check.json'),
    // LMDB's binary is found from the package that depends on it.
    banner: { js: `require = require('node:module').createRequire(${JSON.stringify(join(here, '../package.json'))});` },
    logLevel: 'silent',
  };
  buildSync(options);
  if (edit !== undefined) {
    const code = readFileSync(file, 'utf8');
    if (!code.includes(edit.find)) throw new Error(`the program ${name} has no ${edit.find}`);
    writeFileSync(file, code.replace(edit.find, edit.replace));
  }
  return file;
}

/** A process that runs a program, and the lines that it has printed. */
export class Program {
  readonly lines: string[] = [];
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
  #waiting: (() => void)[] = [];
  #errors = '';

  constructor(file: string, args: readonly string[], command: readonly string[] = []) {
    const [first = '', ...rest] = [...command, process.execPath, file, ...args];
    this.child = spawn(first, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdout, stderr } = this.child;
    if (stdout !== null) {
      createInterface({ input: stdout }).on('line', (line) => {
        this.lines.push(line);
        this.#wake();
      });
    }
    stderr?.on('data', (data: Buffer) => {
      this.#errors += data.toString();
    });
    this.ended = new Promise((done) => {
      this.child.on('close', (code, signal) => {
        done(String(signal ?? code));
        this.#wake();
      });
    });
  }

  /** Waits for a line that fits. Fails if the program ends first. */
  async line(fits: (line: string) => boolean): Promise<string> {
    for (let seen = 0; ;) {
      for (; seen < this.lines.length; seen++) {
        const line = this.lines[seen];
        if (line !== undefined && fits(line)) return line;
      }
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`the program ended: ${this.#errors.slice(0, 2_000)}`);
      }
      await new Promise<void>((woken) => {
        this.#waiting.push(woken);
      });
    }
  }

  get errors(): string {
    return this.#errors;
  }

  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }

  #wake(): void {
    for (const woken of this.#waiting.splice(0)) woken();
  }
}
