import type { Question } from './recognise.js';

/** Whether the request's own answer shows the cluster before anything depends on it: true for reads of APIs whose answers have it. */
export function introduces({ method, path }: Question): boolean {
  const tells = path.startsWith('/v2/keys') || path.startsWith('/v2/members');
  return tells && (method === 'GET' || method === 'HEAD');
}

/** The first question to a connection that replaces a failed one, so that no call waits in vain for a leader. */
export const LEADER_PATH = '/v2/members/leader';

/**
 * The path that a connection is asked for before it carries a request for `path`, if it has not shown its cluster: an unused name in the same
 * directory. A user who may write there may read it, and refusals have the cluster's id too.
 */
export function introductionPath(path: string): string {
  const [bare = ''] = path.split('?');
  if (!bare.startsWith('/v2/keys/')) return '/v2/keys/_';
  return `${bare.slice(0, bare.lastIndexOf('/') + 1)}_`;
}
