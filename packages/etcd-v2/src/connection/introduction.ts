import type { Question } from './recognise.js';

/** Whether a request's own answer tells the cluster before anything depends on it: reads of the APIs that tell it. */
export function introduces({ method, path }: Question): boolean {
  const tells = path.startsWith('/v2/keys') || path.startsWith('/v2/members');
  return tells && (method === 'GET' || method === 'HEAD');
}

/** What a new connection is asked in place of one that failed, before a call waits in vain for a leader. */
export const LEADER_PATH = '/v2/members/leader';

/**
 * What a connection is asked that has not shown its cluster, before it carries a request for that path: a name in the same
 * directory that nothing is stored under. Whoever may write there may read it, and refusals tell the cluster too.
 */
export function introductionPath(path: string): string {
  const [bare = ''] = path.split('?');
  if (!bare.startsWith('/v2/keys/')) return '/v2/keys/_';
  return `${bare.slice(0, bare.lastIndexOf('/') + 1)}_`;
}
