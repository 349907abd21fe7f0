import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, reservePort, type Postgres } from '@holdfast/testkit';

/** Whether there is one. `npm test` says so where there is none. */
export const hasPgbouncer = (process.env['HOLDFAST_PGBOUNCER'] ?? '') !== '';

export interface Pooler extends AsyncDisposable {
  readonly port: number;
  kill(): Promise<void>;
  /** Starts it again, on the same port. */
  start(): Promise<void>;
}

/** Starts PgBouncer in transaction mode in front of a server, with few connections to it, so that clients share them. */
export async function startPgbouncer(server: Postgres, connections: number): Promise<Pooler> {
  const folder = process.env['HOLDFAST_PGBOUNCER'] ?? '';
  const work = mkdtempSync(join(tmpdir(), 'holdfast-pgbouncer-'));
  chmodSync(work, 0o755);
  const reserved = await reservePort();
  writeFileSync(
    join(work, 'pgbouncer.ini'),
    `[databases]
postgres = host=127.0.0.1 port=${server.port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${reserved.port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 200
server_login_retry = 1
`,
  );
  const isRoot = process.getuid?.() === 0;
  // It refuses to run as root. The program may be below a folder that only root may enter, so that it changes its user itself.
  let kill = (): Promise<void> => Promise.resolve();
  const start = async (): Promise<void> => {
    const child = spawn(
      join(folder, 'usr/sbin/pgbouncer'),
      [...(isRoot ? ['-u', 'nobody'] : []), join(work, 'pgbouncer.ini')],
      {
        stdio: 'ignore',
        env: { ...process.env, LD_LIBRARY_PATH: join(folder, 'usr/lib/x86_64-linux-gnu') },
      },
    );
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    kill = async () => {
      child.kill('SIGKILL');
      await gone;
    };
    await eventually(() => listens(reserved.port));
  };
  await start();
  return {
    port: reserved.port,
    start,
    kill: () => kill(),
    async [Symbol.asyncDispose]() {
      await kill();
      reserved.release();
      rmSync(work, { recursive: true, force: true });
    },
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
