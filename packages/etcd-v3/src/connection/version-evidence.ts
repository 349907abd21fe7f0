import { status as grpcStatus } from '@grpc/grpc-js';
import type { GrpcFailure } from '../errors.js';
import type { ServedVersions } from './http-version.js';

/** What is known of the version of one member. */
export type VersionEvidence =
  /** The member's own word. */
  | { readonly from: 'status'; readonly version: string }
  /** The member refuses its status to this user, as only versions do that came later than ordered progress. */
  | { readonly from: 'refusal' }
  /** The oldest version that any member of its cluster may have. */
  | { readonly from: 'cluster'; readonly version: string };

/** The questions that evidence is made of. Each goes over the endpoint's connection, and gives `undefined` if nobody answers. */
export interface VersionQuestions {
  /** `Maintenance.Status`, with the user's token. `'refused'`: etcd itself denies it to this user. */
  readonly status: () => Promise<{ readonly version: string; readonly memberId: string } | 'refused' | undefined>;
  /** The id of the member that answers there. */
  readonly member: () => Promise<string | undefined>;
  /** `GET /version`, which names no member. */
  readonly served: () => Promise<ServedVersions | undefined>;
}

/** What the watch says of a member that is not named: a proxy leaves headers out. */
const UNNAMED = '0';

/**
 * What counts for the member that serves a watch. A balancer may send one call to one member and the next to another, of another
 * version in an upgrade: so a version counts only for the member that it came with, and the cluster's version for all members.
 */
export async function versionEvidence(
  memberId: string,
  { status, member, served }: VersionQuestions,
): Promise<VersionEvidence | undefined> {
  if (memberId !== UNNAMED) {
    const told = await status();
    if (told === 'refused') {
      // A refusal names no member: another call over the same connection does.
      if ((await member()) === memberId) return { from: 'refusal' };
    } else if (told?.memberId === memberId) {
      return { from: 'status', version: told.version };
    }
  }
  const cluster = (await served())?.cluster;
  return cluster === undefined ? undefined : { from: 'cluster', version: cluster };
}

/** Whether etcd itself denies the call to this user. A proxy's denial has another text. */
export function isOwnDenial({ code, details }: GrpcFailure): boolean {
  return code === DENIED && details === 'etcdserver: permission denied';
}

const DENIED: number = grpcStatus.PERMISSION_DENIED;
