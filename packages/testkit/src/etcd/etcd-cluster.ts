import { mkdtempSync, writeFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../clock/eventually.js';
import { LinkProxies, type MemberLinks } from '../net/member-links.js';
import { reservePort } from '../net/ports.js';
import { runEtcdctl, runEtcdutl } from './etcdctl.js';
import { findEtcd, type EtcdBinary } from './etcd-binary.js';
import { initialCluster, memberAddresses, memberFlags, type MemberAddress, type MemberPorts } from './etcd-flags.js';
import { EtcdProcess, type EtcdMember } from './etcd-member.js';
import type { Etcd, NewHistoryOptions } from './etcd.js';
import { Http } from './http.js';
import type { EtcdTls, StartEtcdOptions } from './etcd-options.js';
import { Watchdog } from './watchdog.js';

/** See {@link Etcd}. */
export class EtcdCluster implements Etcd {
  readonly members: readonly EtcdProcess[];
  #binary: EtcdBinary;
  readonly #options: StartEtcdOptions;
  readonly #ports: readonly MemberPorts[];
  readonly #addresses: readonly MemberAddress[];
  readonly #folder: string;
  readonly #watchdog: Watchdog;
  readonly #http: Http;
  readonly #tlsFiles: EtcdTls | undefined;
  #token: string;
  #files = 0;
  #links: LinkProxies | undefined;
  #closing: Promise<void> | undefined;

  /** Takes ports and a folder; nothing runs before {@link begin}. */
  static async create(binary: EtcdBinary, options: StartEtcdOptions): Promise<EtcdCluster> {
    const ports: MemberPorts[] = [];
    for (let count = 0; count < (options.nodes ?? 1); count += 1) {
      const [client, peer] = [await reservePort(), await reservePort()];
      ports.push({ client, peer, link: options.links === true ? await reservePort() : undefined });
    }
    return new EtcdCluster(binary, options, ports);
  }

  private constructor(binary: EtcdBinary, options: StartEtcdOptions, ports: readonly MemberPorts[]) {
    const { tls } = options;
    this.#binary = binary;
    this.#options = options;
    this.#ports = ports;
    this.#token = options.clusterToken ?? 'holdfast';
    this.#folder = mkdtempSync(join(tmpdir(), 'holdfast-etcd-'));
    this.#watchdog = new Watchdog(this.#folder);
    this.#http = new Http(tls);
    this.#tlsFiles = tls === undefined ? undefined : writeTlsFiles(tls, this.#folder);
    this.#addresses = memberAddresses(ports, tls === undefined ? 'http' : 'https', this.#folder);
    this.members = this.#addresses.map(
      (address) =>
        new EtcdProcess({
          ...address,
          logFile: `${address.dataDir}.log`,
          binary: () => this.#binary,
          flags: () =>
            memberFlags({
              version: this.#binary.version,
              address,
              all: this.#addresses,
              token: this.#token,
              tlsFiles: this.#tlsFiles,
              options,
            }),
          hasQuorum: () => this.#serving.length > this.members.length / 2,
          http: this.#http,
          watchdog: this.#watchdog,
        }),
    );
  }

  get version(): string {
    return this.#binary.version;
  }

  useVersion(version: string): void {
    this.#binary = findEtcd({ version });
  }

  get links(): MemberLinks {
    if (this.#links === undefined) throw new Error('This etcd has no links to cut; start it with the option links');
    return this.#links;
  }

  get endpoints(): readonly string[] {
    return this.members.map((member) => member.endpoint);
  }

  /** The first start. */
  async begin(): Promise<void> {
    const { snapshotFrom, dataDir, links } = this.#options;
    if (links === true) {
      const ports = this.#ports.map(({ link, peer }) => ({ advertised: (link ?? peer).port, listening: peer.port }));
      this.#links = await LinkProxies.start(ports);
    }
    if (snapshotFrom !== undefined) await this.#restoreData(snapshotFrom);
    else if (dataDir !== undefined) await this.#copyInto(dataDir, this.#addresses[0]);
    await this.#startAll();
  }

  async ctl(...args: readonly string[]): Promise<string> {
    return this.#ctl(args);
  }

  async ctlWith(input: string, ...args: readonly string[]): Promise<string> {
    return this.#ctl(args, input);
  }

  async api<Answer>(path: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
    const [member] = this.#serving;
    if (member === undefined) throw new Error('No member of this etcd is running; start() one first');
    return JSON.parse(await this.#http.post(`${member.endpoint}/v3/${path}`, JSON.stringify(body))) as Answer;
  }

  async put(key: string | Uint8Array, value: string | Uint8Array): Promise<number> {
    return revisionOf(await this.api<Answer>('kv/put', { key: base64(key), value: base64(value) }));
  }

  async revision(): Promise<number> {
    return revisionOf(await this.api<Answer>('kv/range', { key: base64('\0'), limit: '1', keys_only: true }));
  }

  async compact(revision?: number): Promise<number> {
    const upTo = revision ?? (await this.revision());
    await this.api<Answer>('kv/compaction', { revision: String(upTo), physical: true });
    return upTo;
  }

  async leader(): Promise<EtcdMember> {
    return eventually(async () => {
      for (const member of this.#serving) {
        const { memberId, leader } = await member.status();
        if (memberId === leader) return member;
      }
      throw new Error('No running member of this etcd leads');
    });
  }

  async metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number> {
    const values = await Promise.all(this.#serving.map((member) => member.metric(name, labels)));
    return values.reduce((sum, value) => sum + value, 0);
  }

  async snapshot(file = this.#newPath('snapshot')): Promise<string> {
    const [member] = this.#serving;
    if (member === undefined)
      throw new Error('No member of this etcd is running; there is nobody to ask for a snapshot');
    await this.ctl(`--endpoints=${member.endpoint}`, 'snapshot', 'save', file);
    return file;
  }

  async restore(snapshotFile: string, options: NewHistoryOptions = {}): Promise<void> {
    if (options.bumpRevision !== undefined && this.#binary.etcdutl === undefined) {
      throw new Error(`etcd ${this.version} can't raise the revisions of a restore: only etcdutl can, from 3.5 on`);
    }
    await this.#clear();
    if (options.sameToken !== true) this.#token = this.#newToken();
    await this.#restoreData(snapshotFile, options.bumpRevision);
    await this.#startAll();
  }

  async wipe(options: NewHistoryOptions = {}): Promise<void> {
    await this.#clear();
    if (options.sameToken !== true) this.#token = this.#newToken();
    await this.#startAll();
  }

  async copyData(): Promise<string> {
    const copy = this.#newPath('copy');
    // What is on disk at one moment is what a kill would leave: etcd starts from that, and stopping takes it seconds.
    const running = this.#serving;
    for (const member of running) member.pause();
    try {
      await Promise.all(this.#addresses.map(({ name, dataDir }) => copyFolder(dataDir, join(copy, name))));
    } finally {
      for (const member of running) if (member.state === 'paused') member.resume();
    }
    return copy;
  }

  async useData(copy: string): Promise<void> {
    await this.#clear();
    for (const address of this.#addresses) await this.#copyInto(join(copy, address.name), address);
    await this.#startAll();
  }

  async close(): Promise<void> {
    this.#closing ??= this.#end();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #serving(): readonly EtcdProcess[] {
    return this.members.filter((member) => member.state === 'running');
  }

  async #ctl(args: readonly string[], input?: string): Promise<string> {
    const tls = this.#tlsFiles;
    const flags = tls === undefined ? [] : ['--insecure-skip-tls-verify', `--cert=${tls.cert}`, `--key=${tls.key}`];
    return runEtcdctl({ etcdctl: this.#binary.etcdctl, endpoints: this.endpoints, flags }, args, input);
  }

  async #startAll(members: readonly EtcdProcess[] = this.members): Promise<void> {
    for (const member of members) member.spawn();
    await Promise.all(members.map((member) => member.ready()));
  }

  async #clear(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    for (const { dataDir } of this.#addresses) await rm(dataDir, { recursive: true, force: true });
  }

  async #restoreData(snapshotFile: string, bumpRevision?: number): Promise<void> {
    const { etcdutl } = this.#binary;
    const bump = bumpRevision === undefined ? [] : [`--bump-revision=${bumpRevision}`, '--mark-compacted'];
    const restored = this.#addresses.map(({ name, dataDir, peerUrl }) => {
      const args = [
        ...['snapshot', 'restore', snapshotFile, `--name=${name}`, `--data-dir=${dataDir}`],
        ...[`--initial-cluster=${initialCluster(this.#addresses)}`, `--initial-cluster-token=${this.#token}`],
        ...[`--initial-advertise-peer-urls=${peerUrl}`, ...bump],
      ];
      return etcdutl === undefined ? this.ctl(...args) : runEtcdutl(etcdutl, args);
    });
    await Promise.all(restored);
  }

  async #copyInto(from: string, address: MemberAddress | undefined): Promise<void> {
    if (address !== undefined) await copyFolder(from, address.dataDir);
  }

  #newPath(kind: string): string {
    this.#files += 1;
    return join(this.#folder, `${kind}-${this.#files}`);
  }

  #newToken(): string {
    this.#files += 1;
    return `holdfast-${this.#files}`;
  }

  async #end(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    this.#http.close();
    await this.#watchdog.release();
    await rm(this.#folder, { recursive: true, force: true });
    await this.#links?.close();
    for (const { client, peer, link } of this.#ports) for (const port of [client, peer, link]) port?.release();
  }
}

/** Without the next segments of the log, which etcd makes in advance, 64 MiB each, and makes anew. */
async function copyFolder(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, filter: (path) => !path.endsWith('.tmp') });
}

/** The paths in place of the contents: etcd and etcdctl read files. */
function writeTlsFiles(tls: EtcdTls, folder: string): EtcdTls {
  const write = (name: string, pem: string): string => {
    const file = join(folder, name);
    writeFileSync(file, pem, { mode: 0o600 });
    return file;
  };
  return {
    cert: write('cert.pem', tls.cert),
    key: write('key.pem', tls.key),
    ...(tls.clientCa !== undefined && { clientCa: write('client-ca.pem', tls.clientCa) }),
  };
}

interface Answer {
  readonly header: { readonly revision?: string };
}

function revisionOf(answer: Answer): number {
  return Number(answer.header.revision ?? 0);
}

function base64(bytes: string | Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
