import type { CallKind } from '@holdfast/store/adapter';
import { type HttpFailure, type HttpMeaning, isPageNotFound, LACKS_V2, meaningOf } from '../errors.js';
import { parseVersion } from '../json/cluster.js';
import { carry } from './carry.js';
import type { Endpoint } from './endpoint.js';
import { httpRequest } from './http-request.js';

/**
 * What an endpoint's failure means. An etcd without the v2 API has nothing at its paths, and many proxies say the same for a
 * moment: it is certain only where the endpoint tells an etcd's version, and never served the API.
 */
export async function meaningAt(
  endpoint: Endpoint,
  failure: HttpFailure,
  kind: CallKind,
  signal: AbortSignal | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<HttpMeaning> {
  const mayLackV2 = isPageNotFound(failure) && !endpoint.health.servesV2;
  return mayLackV2 && (await isEtcd(endpoint, signal, headers)) ? LACKS_V2 : meaningOf(failure, kind);
}

/** Only an etcd tells an etcd's version. */
async function isEtcd(
  endpoint: Endpoint,
  signal: AbortSignal | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<boolean> {
  const link = endpoint.take();
  const request = httpRequest({ method: 'GET', path: '/version' }, undefined, headers);
  const ended = await carry({ endpoint, link }, request, signal);
  if ('error' in ended) {
    endpoint.discard(link);
    return false;
  }
  endpoint.release(link);
  try {
    parseVersion(ended.response.body);
    return ended.response.status === 200;
  } catch {
    return false;
  }
}
