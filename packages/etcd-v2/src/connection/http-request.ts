import type { CallRequest } from './call.js';
import type { HttpRequest } from './http-exchange.js';

/**
 * A request as it is sent.
 *
 * @param own the headers that the user of the store set
 */
export function httpRequest(
  {
    method,
    path: asked,
    quorum,
    form,
    json,
  }: Pick<CallRequest<unknown>, 'method' | 'path' | 'quorum' | 'form' | 'json'>,
  authorization: string | undefined,
  own: Readonly<Record<string, string>>,
): HttpRequest {
  const path = quorum === true ? `${asked}${asked.includes('?') ? '&' : '?'}quorum=true` : asked;
  const headers: Record<string, string> = { ...own };
  if (authorization !== undefined) headers['authorization'] = authorization;
  if (form !== undefined) {
    headers['content-type'] = 'application/x-www-form-urlencoded';
    return { method, path, headers, body: new URLSearchParams(form).toString() };
  }
  if (json !== undefined) {
    headers['content-type'] = 'application/json';
    return { method, path, headers, body: JSON.stringify(json) };
  }
  return { method, path, headers };
}
