import { isStoreError, type DriverCall, type StoreMember, type StoreStatus } from '@holdfast/store';
import type { IWatchResponse } from 'etcd3';
import { fromProtoHeader, safeInteger, type ResponseHeader } from '../protobuf/range.js';
import type { Connection } from '../connection/connection.js';
import { MEMBER_LIST, STATUS, WATCH_QUESTION } from '../connection/rpc.js';

/**
 * What one member says of itself and of the cluster. Some versions of etcd tell their status to root alone: the status then has no
 * `leader` and no `sizeBytes`, and the rest of it comes from questions that any user may ask.
 */
export async function readStatus(connection: Connection, { signal }: DriverCall): Promise<StoreStatus> {
  try {
    const { response, endpoint } = await connection.unary(STATUS, {}, { kind: 'read', signal }, (answer) => {
      const { revision, clusterId } = fromProtoHeader(answer.header);
      return {
        version: answer.version,
        // Etcd says 0 where it knows of no leader.
        ...(answer.leader === '0' ? {} : { leader: answer.leader }),
        revision,
        identity: clusterId,
        sizeBytes: safeInteger(answer.dbSize),
        raftTerm: safeInteger(answer.raftTerm),
      };
    });
    return { ...response, members: await readMembers(connection, endpoint, signal), endpoint };
  } catch (error) {
    if (!isStoreError(error, 'permission-denied') || error.endpoint === undefined) throw error;
    return readWithoutStatus(connection, error.endpoint, signal);
  }
}

async function readWithoutStatus(
  connection: Connection,
  endpoint: string,
  signal: AbortSignal | undefined,
): Promise<StoreStatus> {
  const [header, versions, members] = await Promise.all([
    readHeader(connection, endpoint, signal),
    connection.servedVersions(endpoint, signal),
    readMembers(connection, endpoint, signal),
  ]);
  signal?.throwIfAborted();
  const { clusterId, revision, raftTerm } = header;
  return {
    ...(versions === undefined ? {} : { version: versions.server }),
    members,
    revision,
    identity: clusterId,
    raftTerm,
    endpoint,
  };
}

/** The member's head: the answer to a watch has it, even to one that is refused. A refused read has no header. */
async function readHeader(
  connection: Connection,
  endpoint: string,
  signal: AbortSignal | undefined,
): Promise<ResponseHeader> {
  const request = { create_request: { key: Buffer.of(0) } };
  const answered = ({ header }: IWatchResponse): ResponseHeader => fromProtoHeader(header);
  const { response } = await connection.exchange(WATCH_QUESTION, request, answered, { kind: 'read', signal, endpoint });
  return response;
}

/** @returns nothing where the user may not know: the rest of the status is for everybody. */
async function readMembers(
  connection: Connection,
  endpoint: string,
  signal: AbortSignal | undefined,
): Promise<readonly StoreMember[]> {
  try {
    const { response } = await connection.unary(MEMBER_LIST, {}, { kind: 'read', signal, endpoint }, ({ members }) =>
      members.map(({ ID, name, clientURLs, isLearner }) => ({ id: ID, name, endpoints: clientURLs, isLearner })),
    );
    return response;
  } catch (error) {
    if (isStoreError(error, 'permission-denied')) return [];
    throw error;
  }
}
