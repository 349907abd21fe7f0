import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { certificateAuthority, startEtcd, type Certificate, type Etcd, type StartEtcdOptions } from '@holdfast/testkit';

const PORT = 2379;
/** The users that `users.example` has, on both APIs, and their passwords. `app` and `app-next` may use `/app/`. */
const PASSWORDS = { root: 'root-password', app: 'app-password', 'app-next': 'next-password' } as const;

/** What the documentation calls a server, and what is really behind it while its samples run. */
const SERVERS: Readonly<
  Record<string, { readonly start: (world: DocumentedServers) => Promise<Etcd>; readonly member?: number }>
> = {
  '127.0.0.1': { start: (world) => world.start('plain', {}) },
  'etcd-1.example': { start: (world) => world.start('three', { nodes: 3 }), member: 0 },
  'etcd-2.example': { start: (world) => world.start('three', { nodes: 3 }), member: 1 },
  'etcd-3.example': { start: (world) => world.start('three', { nodes: 3 }), member: 2 },
  'secure.example': { start: (world) => world.start('secure', { tls: world.certificate }) },
  'mutual.example': {
    start: (world) => world.start('mutual', { tls: { ...world.certificate, clientCa: world.authority.cert } }),
  },
  '10.0.0.9': {
    start: (world) => world.start('named', { tls: world.authority.issue('etcd', ['etcd.internal']) }),
  },
  'users.example': { start: (world) => world.start('users', { args: ['--bcrypt-cost=4'] }, enableUsers) },
};
/** Files that samples read. */
const FILES: Readonly<Record<string, (world: DocumentedServers) => string>> = {
  '/etc/etcd/ca.pem': ({ authority }) => authority.cert,
  '/etc/etcd/client.pem': ({ client }) => client.cert,
  '/etc/etcd/client-key.pem': ({ client }) => client.key,
  '/etc/etcd/app-password': () => `${PASSWORDS.app}\n`,
  '/etc/etcd/next.pem': ({ next }) => next.cert,
  '/etc/etcd/next-key.pem': ({ next }) => next.key,
};
const SOCKET = '/run/etcd.sock';

/**
 * The servers, files and sockets that the documentation names, as real ones: etcd with and without TLS, with users, with three
 * members. Each is started when a sample first needs it.
 */
export class DocumentedServers {
  readonly authority = certificateAuthority();
  readonly certificate: Certificate = this.authority.issue('etcd');
  readonly client = this.authority.issue('client');
  readonly next = this.authority.issue('client');
  readonly #started = new Map<string, Promise<Etcd>>();
  readonly #closers: (() => Promise<unknown>)[] = [];
  #folder: Promise<string> | undefined;

  /** The sample with what is really there in place of what it names. */
  async prepare(code: string): Promise<string> {
    let prepared = code;
    for (const [host, { start, member = 0 }] of Object.entries(SERVERS)) {
      const address = `${host}:${PORT}`;
      if (prepared.includes(address)) {
        prepared = prepared.replaceAll(address, new URL((await start(this)).endpoints[member]!).host);
      }
    }
    for (const [path, content] of Object.entries(FILES)) {
      if (prepared.includes(path)) prepared = prepared.replaceAll(path, await this.#file(path, content(this)));
    }
    if (prepared.includes(SOCKET)) prepared = prepared.replaceAll(SOCKET, await this.#socket());
    return prepared;
  }

  /** One server for each name, whose v2 API is on. */
  start(name: string, options: StartEtcdOptions, setUp?: (etcd: Etcd) => Promise<void>): Promise<Etcd> {
    const started =
      this.#started.get(name) ??
      startEtcd({ enableV2: true, ...options }).then(async (etcd) => {
        this.#closers.push(() => etcd.close());
        await setUp?.(etcd);
        return etcd;
      });
    this.#started.set(name, started);
    return started;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  async #temporary(): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'holdfast-docs-'));
    const folder = await this.#folder;
    this.#closers.unshift(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  async #file(path: string, content: string): Promise<string> {
    const file = join(await this.#temporary(), path.replaceAll('/', '_'));
    await writeFile(file, content);
    return file;
  }

  /** A socket that leads to the plain server. */
  async #socket(): Promise<string> {
    const [etcd, folder] = [await this.start('plain', {}), await this.#temporary()];
    const path = join(folder, 'etcd.sock');
    const { port } = new URL(etcd.endpoints[0]!);
    const relay = createServer((socket) => {
      pipeline(socket, createConnection(Number(port), '127.0.0.1'), socket, () => undefined);
    });
    await new Promise<void>((resolve) => relay.listen(path, resolve));
    this.#closers.push(() => new Promise((resolve) => relay.close(resolve)));
    return path;
  }
}

/** Turns authentication on, for the v3 API and for the v2 one, which have users of their own. */
async function enableUsers(etcd: Etcd): Promise<void> {
  await etcd.ctl('role', 'add', 'app');
  await etcd.ctl('role', 'grant-permission', 'app', 'readwrite', '--prefix=true', '/app/');
  for (const [name, password] of Object.entries(PASSWORDS)) {
    await etcd.ctl('user', 'add', `${name}:${password}`);
    await etcd.ctl('user', 'grant-role', name, name === 'root' ? 'root' : 'app');
  }
  await etcd.ctl('auth', 'enable');

  const admin = async (path: string, body?: unknown): Promise<void> => {
    const response = await fetch(`${etcd.endpoints[0]!}/v2/auth/${path}`, {
      method: 'PUT',
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${Buffer.from(`root:${PASSWORDS.root}`).toString('base64')}`,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${await response.text()}`);
  };
  await admin('users/root', { user: 'root', password: PASSWORDS.root });
  await admin('roles/app', { role: 'app', permissions: { kv: { read: ['/app/*'], write: ['/app/*'] } } });
  for (const name of ['app', 'app-next'] as const) {
    await admin(`users/${name}`, { user: name, password: PASSWORDS[name], roles: ['app'] });
  }
  await admin('enable');
  await admin('roles/guest', { role: 'guest', revoke: { kv: { read: ['/*'], write: ['/*'] } } });
}
