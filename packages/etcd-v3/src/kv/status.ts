import { isStoreError, type DriverCall, type StoreMember, type StoreStatus } from '@holdfast/store';
import { fromProtoHeader, safeInteger } from '../protobuf/range.js';
import type { Connection } from '../connection/connection.js';
import { MEMBER_LIST, STATUS } from '../connection/rpc.js';

/** What one member says of itself and of the cluster. */
export async function readStatus(connection: Connection, { signal }: DriverCall): Promise<StoreStatus> {
  const { response, endpoint } = await connection.unary(STATUS, {}, { kind: 'read', signal });
  const { revision, clusterId } = fromProtoHeader(response.header);
  return {
    version: response.version,
    members: await readMembers(connection, endpoint, signal),
    // Etcd says 0 where it knows of no leader.
    ...(response.leader === '0' ? {} : { leader: response.leader }),
    revision,
    identity: clusterId,
    sizeBytes: safeInteger(response.dbSize),
    raftTerm: safeInteger(response.raftTerm),
    endpoint,
  };
}

/** @returns nothing where the user may not know: the rest of the status is for everybody. */
async function readMembers(
  connection: Connection,
  endpoint: string,
  signal: AbortSignal | undefined,
): Promise<readonly StoreMember[]> {
  try {
    const { response } = await connection.unary(MEMBER_LIST, {}, { kind: 'read', signal, endpoint });
    return response.members.map(({ ID, name, clientURLs, isLearner }) => ({
      id: ID,
      name,
      endpoints: clientURLs,
      isLearner,
    }));
  } catch (error) {
    if (isStoreError(error, 'permission-denied')) return [];
    throw error;
  }
}
