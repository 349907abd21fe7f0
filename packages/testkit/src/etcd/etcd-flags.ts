import { join } from 'node:path';
import type { ReservedPort } from '../net/ports.js';
import { isAtLeast, servesV2 } from './etcd-version.js';
import type { EtcdTls, StartEtcdOptions } from './etcd-options.js';

/** The addresses of one member. They stay the same for as long as its cluster exists. */
export interface MemberAddress {
  readonly name: string;
  readonly endpoint: string;
  /** The address that the other members get. */
  readonly peerUrl: string;
  /** The address that it listens on for them. With proxies in between it is another one. */
  readonly peerListenUrl: string;
  readonly dataDir: string;
}

/** The ports of one member. */
export interface MemberPorts {
  readonly client: ReservedPort;
  readonly peer: ReservedPort;
  /** The port of the proxy in front of the peer port, if there is one. */
  readonly link: ReservedPort | undefined;
}

export function memberAddresses(
  ports: readonly MemberPorts[],
  scheme: 'http' | 'https',
  folder: string,
): readonly MemberAddress[] {
  return ports.map(({ client, peer, link = peer }, index) => ({
    name: `m${index + 1}`,
    endpoint: `${scheme}://127.0.0.1:${client.port}`,
    peerUrl: `http://127.0.0.1:${link.port}`,
    peerListenUrl: `http://127.0.0.1:${peer.port}`,
    dataDir: join(folder, `m${index + 1}`),
  }));
}

/** The value of `--initial-cluster`, of etcd and of a restore alike. */
export function initialCluster(addresses: readonly MemberAddress[]): string {
  return addresses.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
}

/** Undocumented in 3.4, where 3.4.23 is known to have it; official from 3.5 on. */
const FIRST_WITH_UNSAFE_NO_FSYNC = '3.4.23';

/** Everything that decides the flags of one member. */
export interface FlagsSetup {
  readonly version: string;
  readonly address: MemberAddress;
  readonly all: readonly MemberAddress[];
  readonly token: string;
  /** Paths of PEM files. */
  readonly tlsFiles: EtcdTls | undefined;
  readonly options: StartEtcdOptions;
}

/** The flags of one member. */
export function memberFlags({ version, address, all, token, tlsFiles, options }: FlagsSetup): readonly string[] {
  const { name, endpoint, peerUrl, peerListenUrl, dataDir } = address;
  const { progressIntervalMs } = options;
  const flags = [
    ...[`--name=${name}`, `--data-dir=${dataDir}`, `--initial-cluster=${initialCluster(all)}`],
    ...[`--initial-cluster-token=${token}`, '--initial-cluster-state=new'],
    ...[`--listen-client-urls=${endpoint}`, `--advertise-client-urls=${endpoint}`],
    ...[`--listen-peer-urls=${peerListenUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
    ...['--logger=zap', '--log-level=warn'],
    // One member elects itself at once. Three need to stay calm on a busy machine, and are still quicker than by default.
    ...(all.length === 1 ? timing(20, 200) : timing(60, 600)),
  ];
  // Test data need not survive the machine; without waiting for the disk a test is several times faster.
  if (isAtLeast(version, FIRST_WITH_UNSAFE_NO_FSYNC)) flags.push('--unsafe-no-fsync');
  // From 3.6 on an etcd that is given this flag does not start.
  if (options.enableV2 === true && servesV2(version)) flags.push('--enable-v2');
  if (progressIntervalMs !== undefined) flags.push(`${progressIntervalFlag(version)}=${progressIntervalMs}ms`);
  if (tlsFiles !== undefined) flags.push(`--cert-file=${tlsFiles.cert}`, `--key-file=${tlsFiles.key}`);
  if (tlsFiles?.clientCa !== undefined) flags.push(`--trusted-ca-file=${tlsFiles.clientCa}`, '--client-cert-auth');
  return [...flags, ...(options.args ?? [])];
}

function timing(heartbeatMs: number, electionMs: number): readonly string[] {
  return [`--heartbeat-interval=${heartbeatMs}`, `--election-timeout=${electionMs}`];
}

/** 3.6 takes both names, and 3.7 the new one alone. */
function progressIntervalFlag(version: string): string {
  return isAtLeast(version, '3.6')
    ? '--watch-progress-notify-interval'
    : '--experimental-watch-progress-notify-interval';
}
