// cspell:ignore mkfifo
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants as files, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually, startEtcd, type Etcd } from '@holdfast/testkit';
import { command } from '../support/command.js';
import { buildCommand, MAIN, shell, terminal } from '../support/build-command.js';

let etcd: Etcd;
let env: { HOLDFAST_STORE: string };

beforeAll(async () => {
  buildCommand();
  etcd = await startEtcd({ version: '3.6' });
  env = { HOLDFAST_STORE: etcd.endpoints[0]!.replace('http:', 'etcd-v3:') };
  const value = Buffer.from('x'.repeat(1_000)).toString('base64');
  const success = Array.from({ length: 100 }, (_, index) => {
    return { request_put: { key: Buffer.from(`/many/${index}`).toString('base64'), value } };
  });
  await etcd.api('kv/txn', { success });
});

afterAll(async () => {
  await etcd.close();
});

/** Collects what a process writes. */
function shown(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

function until(read: () => string, text: string): Promise<unknown> {
  return eventually(() => {
    if (!read().includes(text)) throw new Error(`${JSON.stringify(text)} is not in ${JSON.stringify(read())}`);
  });
}

describe('the command as a process', () => {
  test('shows its help with help, and without a command only where it is', async () => {
    expect(await shell('holdfast help')).toMatchObject({ code: 0, out: expect.stringMatching(/^Usage: /), err: '' });
    expect(await shell('holdfast help list')).toMatchObject({ code: 0, out: expect.stringMatching(/^Usage: .*list/) });
    expect(await shell('holdfast')).toMatchObject({ code: 2, out: '', err: expect.stringContaining('no command') });
  });

  test('reads a pipe, writes a pipe, and says how it ended', async () => {
    const line = 'printf "a\\0b" | holdfast put /p/a - && holdfast get /p/a | od -An -c; holdfast get /p/nothing';
    const { code, out, err } = await shell(line, env);
    expect(out).toMatch(/^Wrote \/p\/a at revision \d+\.\n +a +\\0 +b\n$/);
    expect(err).toContain('there is no key "/p/nothing"');
    expect(code).toBe(1);
  });

  // Node's own reading of a file waits in a thread, which neither a signal nor the end of the process can end.
  describe.each(['a named pipe', 'the standard input'])('from %s', (from) => {
    const isNamed = from === 'a named pipe';
    let folder: string;
    let pipe: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'holdfast-pipe-'));
      pipe = join(folder, 'pipe');
      execFileSync('mkfifo', [pipe]);
    });
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    test.each([['put', '/p/pipe', ...(isNamed ? ['--file'] : [])], ['import'], ['txn']])(
      '%s: a signal ends it while nobody writes',
      async (...args) => {
        const child = spawn(process.execPath, [MAIN, ...args, isNamed ? pipe : '-'], {
          env: { ...process.env, ...env },
        });
        const read = shown(child);
        const ended = once(child, 'close');
        let writer: number | undefined;
        if (isNamed) writer = await eventually(() => openSync(pipe, files.O_WRONLY | files.O_NONBLOCK));
        // More than a pipe holds: it is read by then.
        else await new Promise((taken) => child.stdin.write(Buffer.alloc(300_000), taken));
        child.kill('SIGINT');
        const end: unknown = await ended;
        if (writer !== undefined) closeSync(writer);
        expect([end, read()]).toEqual([[130, null], '']);
      },
    );

    test('all that is written is taken, however late it comes', async () => {
      const value = 'z'.repeat(300_000);
      const child = spawn(process.execPath, [MAIN, 'put', '/p/late', ...(isNamed ? ['-f', pipe] : ['-'])], {
        env: { ...process.env, ...env },
      });
      const ended = once(child, 'close');
      if (isNamed) await writeFile(pipe, value);
      else child.stdin.end(value);
      expect(await ended).toEqual([0, null]);
      expect((await command(['get', '/p/late'], { env })).out).toBe(value);
    });
  });

  test('ends quietly when a reader such as head has enough, and not when the disk is full', async () => {
    const closed = await shell('set -o pipefail; holdfast list /many/ | head -n 1', env);
    expect({ code: closed.code, err: closed.err }).toEqual({ code: 0, err: '' });
    expect(closed.out).toMatch(/^\/many\/0\t\d+\tx{1000}\n$/);
    if (!existsSync('/dev/full')) return;
    const full = await shell('holdfast list /many/ > /dev/full', env);
    expect(full.code).toBe(4);
    expect(full.err).toMatch(/^holdfast: the output can't be written: .*ENOSPC/);
  });

  test('ends by a signal with its code, after whole lines', async () => {
    const child = spawn(process.execPath, [MAIN, 'watch', '/s/', '--after', '1'], { env });
    const read = shown(child);
    await etcd.put('/s/a', 'value');
    await until(read, 'value');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([143, null]);
    expect(read()).toMatch(/^(\d+\t(create|update)\t\/s\/a\tvalue\n)+$/);
  });
});

describe('in a terminal', () => {
  test('of 40 columns, a list has colours and lines that fit', async () => {
    const child = terminal(['list', '/many/'], 40, env);
    const read = shown(child);
    await once(child, 'close');
    const escape = String.fromCharCode(27);
    expect(read()).toContain(`${escape}[1mKEY`);
    const lines = read()
      .replaceAll(new RegExp(`${escape}\\[\\d+m`, 'g'), '')
      .split('\r\n');
    expect(lines).toHaveLength(102);
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(40);
  });

  test('delete asks, and takes an answer', async () => {
    await etcd.put('/ask/a', '1');
    const child = terminal(['delete', '--prefix', '/ask/'], 80, { ...env, NO_COLOR: '1' });
    const read = shown(child);
    await until(read, 'Delete it? [y/N] ');
    child.stdin?.write('y\n');
    const [code] = (await once(child, 'close')) as [number];
    expect(read()).toContain('Deleted 1 key at revision');
    expect(code).toBe(0);
  });

  test('Ctrl-C at a question changes nothing', async () => {
    await etcd.put('/ask/b', '1');
    const child = terminal(['delete', '--prefix', '/ask/'], 80, env);
    const read = shown(child);
    await until(read, 'Delete it? [y/N] ');
    child.stdin?.write('\u0003');
    expect(((await once(child, 'close')) as [number])[0]).toBe(130);
    expect((await command(['get', '/ask/b'], { env })).out).toBe('1');
  });

  test('a password is asked for, and not shown', async () => {
    await etcd.put('/ask/c', 'for root alone');
    await etcd.ctl('user', 'add', 'root:hush-hush');
    await etcd.ctl('user', 'grant-role', 'root', 'root');
    await etcd.ctl('auth', 'enable');
    const child = terminal(['get', '/ask/c', '--user', 'root'], 80, env);
    const read = shown(child);
    await until(read, 'Password of root: ');
    child.stdin?.write('hush-hux\u007fsh\r');
    const [right] = (await once(child, 'close')) as [number];
    expect(read()).not.toContain('hush');
    expect(read()).toContain('for root alone');
    expect(right).toBe(0);
    const wrong = await command(['get', '/ask/c', '--user', 'root'], { env: { ...env, HOLDFAST_PASSWORD: 'hush' } });
    expect(wrong.err).not.toContain('hush');
    expect(wrong.code).toBe(4);
    // In this process, without a terminal, nobody is asked.
    const { code, err } = await command(['get', '/ask/c'], { env });
    expect(err).toContain('--password-file');
    expect(code).toBe(4);
  });
});
