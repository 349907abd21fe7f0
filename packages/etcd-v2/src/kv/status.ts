import { isStoreError, type DriverCall, type StoreMember, type StoreStatus } from '@holdfast/store';
import { parseJson } from '../json/codec.js';
import type { Answer, Connection } from '../connection/connection.js';
import { bookmarkOf } from './reads.js';

/** A member as the members API tells it. */
export interface V2Member {
  readonly id: string;
  /** Empty until it has started for the first time. */
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs?: readonly string[];
}

/** What one member says of itself and of the cluster. */
export async function readStatus(connection: Connection, { signal }: DriverCall): Promise<StoreStatus> {
  const head = await readHead(connection, signal);
  const [version, members, leader] = await Promise.all([
    readVersion(connection, signal),
    readMembers(connection, signal),
    readLeader(connection, signal),
  ]);
  const { revision, identity } = bookmarkOf(head);
  return {
    version,
    members: members.map(({ id, name, clientURLs }): StoreMember => ({ id, name, endpoints: clientURLs ?? [] })),
    ...(leader !== undefined && { leader }),
    revision,
    identity,
    ...(head.raftTerm !== undefined && { raftTerm: head.raftTerm }),
    endpoint: head.endpoint.name,
  };
}

export async function readMembers(
  connection: Connection,
  signal: AbortSignal | undefined,
): Promise<readonly V2Member[]> {
  const { body } = await connection.call({ method: 'GET', path: '/v2/members', kind: 'read', signal });
  return parseJson<{ members: readonly V2Member[] }>(body).members;
}

/**
 * The head of the member that answers: without a body, and without consensus. A user who may not read the root is told
 * the head that was seen last.
 */
async function readHead(connection: Connection, signal: AbortSignal | undefined): Promise<Answer> {
  try {
    return await connection.call({ method: 'HEAD', path: '/v2/keys/', kind: 'read', signal });
  } catch (error) {
    if (isStoreError(error, 'unauthenticated') && connection.lastSeen !== undefined) return connection.lastSeen;
    throw error;
  }
}

async function readVersion(connection: Connection, signal: AbortSignal | undefined): Promise<string> {
  const { body } = await connection.call({ method: 'GET', path: '/version', kind: 'read', signal });
  return parseJson<{ etcdserver: string }>(body).etcdserver;
}

/** @returns nothing during an election. */
async function readLeader(connection: Connection, signal: AbortSignal | undefined): Promise<string | undefined> {
  const { status, body } = await connection.call({
    method: 'GET',
    path: '/v2/members/leader',
    kind: 'read',
    signal,
    expectStatus: [503],
  });
  return status === 503 ? undefined : parseJson<V2Member>(body).id;
}
