// cspell:ignore cword compopt compreply passw compdef tcsh zshrc
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { command } from '../support/command.js';
import { buildCommand, shell } from '../support/build-command.js';
import { ZshTerminal } from '../support/zsh-terminal.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-completion-'));

beforeAll(async () => {
  buildCommand();
  writeFileSync(join(folder, 'script'), (await shell('holdfast completion bash')).out);
});

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
    expect(await offered('--store=memory:', 'li')).toEqual([noFiles, 'list']);
    expect(await offered('help', 'ex')).toEqual([noFiles, 'export']);
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

/** zsh, where it is there: else `.ci/zsh.mjs` says why it is not. */
if (isThere('zsh')) describe('zsh', inZsh);
else
  test('zsh is not there: its completion is not tested', () => {
    process.stderr.write('install zsh to test the completion in it\n');
    expect(isThere('zsh')).toBe(false);
  });

function inZsh(): void {
  let zsh: ZshTerminal;

  beforeAll(async () => {
    zsh = await ZshTerminal.open();
  });

  afterAll(() => zsh.close());

  const line = async (typed: string) => (await zsh.complete(typed)).line;

  test('completes commands, options and their values', async () => {
    expect(await line('holdfast ex')).toBe('holdfast export ');
    expect(await line('holdfast lease keep')).toBe('holdfast lease keep-alive ');
    expect(await line('holdfast list --de')).toBe('holdfast list --descending ');
    expect(await line('holdfast list --passw')).toBe('holdfast list --password-file ');
    expect(await line('holdfast list --sort=ver')).toBe('holdfast list --sort=version ');
    expect(await line('holdfast help ex')).toBe('holdfast help export ');
    expect(await zsh.complete('holdfast list --sort v')).toEqual({
      line: 'holdfast list --sort v',
      list: ['value    version'],
    });
  });

  test('says what each command and option is for', async () => {
    const { list } = await zsh.complete('holdfast comp');
    expect(list).toEqual([
      'compact     -- forget the history before a revision',
      'completion  -- print the script that completes commands and options in a shell',
    ]);
  });

  test('completes behind words in quotes, and behind options with their values', async () => {
    expect(await line(`holdfast --store "a b" --prefix=c li`)).toBe(`holdfast --store "a b" --prefix=c list `);
    expect(await line(String.raw`holdfast put it\'s --fi`)).toBe(String.raw`holdfast put it\'s --file `);
  });

  test('leaves files to the shell where a file is meant, and only there', async () => {
    expect(await line('holdfast put a --file .zsh')).toBe('holdfast put a --file .zshrc ');
    expect(await zsh.complete('holdfast get ')).toEqual({ line: 'holdfast get ', list: [] });
  });

  test('runs nothing of what is typed', async () => {
    await line('holdfast put $(touch ran) `touch ran` "$(touch ran)" ');
    expect(zsh.files).not.toContain('ran');
  });
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
