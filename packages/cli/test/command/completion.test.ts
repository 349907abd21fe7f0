// cspell:ignore cword compopt compreply passw compinit compdef tcsh
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { command } from '../support/command.js';
import { buildCommand, shell } from '../support/build-command.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-completion-'));

beforeAll(async () => {
  buildCommand();
  writeFileSync(join(folder, 'script'), (await shell('holdfast completion bash')).out);
}, 300_000);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const isThere = (name: string) => {
  try {
    execFileSync(name, ['-c', 'true']);
    return true;
  } catch {
    return false;
  }
};

/** What bash offers behind words, as with the tab key. */
async function offered(...words: string[]): Promise<string[]> {
  const typed = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const line = `cd ${folder}; source ./script; source ./script
    COMP_WORDS=(holdfast ${typed}); COMP_CWORD=${words.length}
    compopt() { echo "compopt $*"; }
    __holdfast_complete; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { code, out, err } = await shell(line);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out.split('\n').filter((each) => each !== '');
}

const noFiles = 'compopt +o default';

describe('bash', () => {
  test('completes commands, options and their values', async () => {
    expect(await offered('ex')).toEqual([noFiles, 'export']);
    expect(await offered('lease', 'keep')).toEqual([noFiles, 'keep-alive']);
    expect(await offered('list', '--de')).toEqual([noFiles, '--descending']);
    // Those of every command, too.
    expect(await offered('list', '--passw')).toEqual([noFiles, '--password-file']);
    expect(await offered('list', '--sort', 'v')).toEqual([noFiles, 'version', 'value']);
  });

  test('leaves files to the shell where a file is meant, and only there', async () => {
    expect(await offered('put', 'a', '--file', '')).toEqual([]);
    expect(await offered('diff', 'a')).toEqual([]);
    expect(await offered('get', '')).toEqual([noFiles]);
  });

  test('runs nothing of what is typed', async () => {
    await offered('put', '$(touch ran)', '`touch ran`', '> ran', "it's", '');
    expect(readdirSync(folder)).toEqual(['script']);
  });
});

// Where zsh is not installed, the script that it would read is all there is to look at.
if (isThere('zsh')) test('zsh reads its script, and completes a command and an option', zshCompletes);

async function zshCompletes(): Promise<void> {
  const line = (words: string) => `zsh -fc '
    autoload -U compinit; compinit -u -d ${folder}/dump
    holdfast() { "${process.execPath}" "$HOLDFAST_MAIN" "$@" }
    source <(holdfast completion zsh)
    _describe() { print -l -- \${completions} }
    words=(${words}); CURRENT=\${#words}; _holdfast'`;
  const env = { HOLDFAST_MAIN: join(__dirname, '..', '..', 'dist', 'esm', 'main.js') };
  expect((await shell(line('holdfast ex'), env)).out).toContain('export');
  expect((await shell(line('holdfast list --de'), env)).out).toContain('--descending');
}

test('zsh has a script; other shells are refused', async () => {
  const { code, out } = await shell('holdfast completion zsh');
  expect(code).toBe(0);
  expect(out).toMatch(/^#compdef holdfast\n/);
  expect(out).toContain('holdfast complete -- ${quoted_args[*]}');
  expect((await command(['completion', 'tcsh'])).code).toBe(2);
  expect((await command(['completion'])).code).toBe(2);
});

test('a configuration is a module of the user, with modules of its own', async () => {
  writeFileSync(join(folder, 'limit.mjs'), 'export const limit = 3;');
  writeFileSync(
    join(folder, 'config.mjs'),
    `import { limit } from './limit.mjs';
    const codec = { name: 'short', decode: (bytes) => { if (bytes.length > limit) throw new Error('too long'); return bytes; } };
    export default { prefix: '', codec };`,
  );
  const app = join(folder, 'app');
  const line = `mkdir ${app}; echo long > ${app}/a.txt; holdfast validate --folder ${app} --config ${folder}/config.mjs`;
  const { code, out } = await shell(line);
  expect({ code, out }).toEqual({ code: 1, out: 'a\tnot readable as short: too long\n' });
});
