import { isStoreError, type StoreMember, type StoreStatus } from '@holdfast/store';
import type { DriverCall } from '@holdfast/store/adapter';
import { parseMember, parseMembers, parseVersion, type V2Member } from '../json/cluster.js';
import type { AnswerHead } from '../connection/call.js';
import type { Connection } from '../connection/connection.js';
import { bookmarkOf } from './reads.js';

/** One member's report about itself and the cluster. */
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

export function readMembers(connection: Connection, signal: AbortSignal | undefined): Promise<readonly V2Member[]> {
  return connection.ask({
    method: 'GET',
    path: '/v2/members',
    kind: 'read',
    signal,
    parse: ({ body }) => parseMembers(body),
  });
}

/**
 * The head of the answering member, without a body and without consensus. For a user who may not read the root, it is the head that this
 * store saw last.
 */
async function readHead(connection: Connection, signal: AbortSignal | undefined): Promise<AnswerHead> {
  try {
    return await connection.call({ method: 'HEAD', path: '/v2/keys/', kind: 'read', signal, parse: () => undefined });
  } catch (error) {
    if (isStoreError(error, 'unauthenticated') && connection.lastSeen !== undefined) return connection.lastSeen;
    throw error;
  }
}

function readVersion(connection: Connection, signal: AbortSignal | undefined): Promise<string> {
  return connection.ask({
    method: 'GET',
    path: '/version',
    kind: 'read',
    signal,
    parse: ({ body }) => parseVersion(body),
  });
}

/** @returns nothing during an election. */
function readLeader(connection: Connection, signal: AbortSignal | undefined): Promise<string | undefined> {
  return connection.ask({
    method: 'GET',
    path: '/v2/members/leader',
    kind: 'read',
    signal,
    expectStatus: [503],
    parse: ({ status, body }) => (status === 503 ? undefined : parseMember(body).id),
  });
}
