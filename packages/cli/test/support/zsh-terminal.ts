// cspell:ignore autoload compinit zle bindkey zdotdir precmd stty unsetopt
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@holdfast/testkit';
import { MAIN } from './build-command.js';

/**
 * After the tab key, Ctrl-X gives the line up, and what was on it is told before the next prompt. It is not told within the line: the editor
 * would draw the list again below it.
 */
const SETTINGS = `
autoload -U compinit; compinit -u -d $ZDOTDIR/known-completions
source <(holdfast completion zsh)
give-up() { given_up=$BUFFER; zle send-break }
zle -N give-up; bindkey '^X' give-up
precmd() { print -r -- "<line>$given_up</line>" }
PS1='ready> '; unsetopt beep prompt_sp
`;

/** Nothing is drawn behind the second line until something is typed. */
const TOLD = /^[^]*<line>(.*)<\/line>\r\n[^\n]*ready> /;

/** What the tab key did. */
export interface Completed {
  /** The line by then. */
  readonly line: string;
  /** What is listed below the line. */
  readonly list: readonly string[];
}

/** An interactive zsh in a terminal of 100 columns. It completes as its users have it, and `holdfast` is the built command. */
export class ZshTerminal {
  readonly #folder: string;
  readonly #script: ChildProcess;
  #shown = '';

  private constructor(folder: string, script: ChildProcess) {
    this.#folder = folder;
    this.#script = script;
    script.stdout?.on('data', (data: Buffer) => (this.#shown += data.toString()));
  }

  static async open(): Promise<ZshTerminal> {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-zsh-'));
    writeFileSync(join(folder, '.zshrc'), SETTINGS);
    writeFileSync(join(folder, 'holdfast'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, { mode: 0o755 });
    const script = spawn('script', ['--quiet', '--command', 'stty cols 100 rows 50; exec zsh -i', '/dev/null'], {
      cwd: folder,
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, HOME: folder, ZDOTDIR: folder, TERM: 'xterm' },
    });
    const terminal = new ZshTerminal(folder, script);
    await terminal.#shows(TOLD);
    return terminal;
  }

  /** Types a beginning, and the tab key. */
  async complete(typed: string): Promise<Completed> {
    this.#shown = '';
    this.#script.stdin?.write(`${typed}\t\x18`);
    const [shown, line = ''] = await this.#shows(TOLD);
    const [, ...list] = belowLine(shown.slice(0, shown.lastIndexOf('<line>'))).split(/\r?\n/);
    return { line, list: list.map((each) => each.trimEnd()).filter((each) => each !== '') };
  }

  /** In the shell's folder. */
  get files(): readonly string[] {
    return readdirSync(this.#folder);
  }

  async close(): Promise<void> {
    const ended = once(this.#script, 'close');
    this.#script.stdin?.end('\x04');
    await ended;
    rmSync(this.#folder, { recursive: true });
  }

  #shows(text: RegExp): Promise<RegExpExecArray> {
    return eventually(
      () => {
        const found = text.exec(this.#shown);
        if (found === null) throw new Error(`${String(text)} is not in ${JSON.stringify(this.#shown)}`);
        return found;
      },
      { timeoutMs: 60_000 },
    );
  }
}

/** Up to where the cursor goes back to the line, and without what moves it elsewhere and clears. */
function belowLine(shown: string): string {
  const [list = ''] = shown.split(/\x1b\[\d*A/);
  return list.replace(/\x1b\[[\d;?]*[A-Za-z]|\x1b[=>]/g, '').replace(/\r+(?=\r\n)/g, '');
}
