import { isStoreError, type StoreMember, type StoreStatus } from '@holdfast/store';
import type { DriverCall } from '@holdfast/store/adapter';
import type { IWatchResponse } from 'etcd3';
import { answerPoint } from '../protobuf/answer-point.js';
import { badAnswer, safeInteger } from '../protobuf/bad-answer.js';
import { fromProtoHeader, type ResponseHeader } from '../protobuf/header.js';
import type { Connection } from '../connection/connection.js';
import { MEMBER_LIST, STATUS, WATCH_QUESTION } from '../connection/rpc.js';

/**
 * One member's report about itself and the cluster. Some versions of etcd give their status to root only. Then the status has no `leader`
 * and no `sizeBytes`, and the rest comes from calls that every user may make.
 */
export async function readStatus(connection: Connection, { signal }: DriverCall): Promise<StoreStatus> {
  try {
    const { response, endpoint } = await connection.unary(STATUS, {}, { kind: 'read', signal }, (answer) => {
      const { revision, clusterId, raftTerm } = fromProtoHeader(answer.header);
      const sizeBytes = safeInteger(answer.dbSize);
      const sizeInUseBytes = safeInteger(answer.dbSizeInUse);
      for (const size of [sizeBytes, sizeInUseBytes]) {
        if (size < 0) throw badAnswer(`etcd sent ${size} as the size of its database`);
      }
      return {
        version: answer.version,
        // etcd reports 0 if it knows no leader.
        ...(answer.leader === '0' ? {} : { leader: answer.leader }),
        revision,
        identity: clusterId,
        sizeBytes,
        sizeInUseBytes,
        alarms: answer.errors.map((alarm) => alarm.trim()),
        raftTerm,
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

/** The member's head, from the answer to a watch, which has it even if the watch is refused. A refused read has no header. */
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

/** @returns nothing if the user may not read the members: the rest of the status is for everyone. */
async function readMembers(
  connection: Connection,
  endpoint: string,
  signal: AbortSignal | undefined,
): Promise<readonly StoreMember[]> {
  try {
    const { response } = await connection.unary(MEMBER_LIST, {}, { kind: 'read', signal, endpoint }, (answer) => {
      // The header of this answer has no revision.
      if (answerPoint(answer) === undefined) throw badAnswer('etcd sent a list of members that names no cluster');
      return answer.members.map(({ ID, name, clientURLs, isLearner }) => {
        return { id: ID, name, endpoints: clientURLs, isLearner };
      });
    });
    return response;
  } catch (error) {
    if (isStoreError(error, 'permission-denied')) return [];
    throw error;
  }
}
