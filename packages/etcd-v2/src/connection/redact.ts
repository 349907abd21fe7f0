import type { HttpFailure } from '../errors.js';
import type { HttpRequest } from './http-exchange.js';

/** Shorter values of headers are no secrets, and would take words apart. */
const SHORTEST = 6;

/** What a server said, without the credentials and headers that it was sent: some proxies repeat the request in their pages. */
export function redact<Failure extends HttpFailure>(
  failure: Failure,
  { headers }: Pick<HttpRequest, 'headers'>,
): Failure {
  let { body } = failure;
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'content-type') continue;
    const secret = value.replace(/^Basic /, '');
    if (secret.length >= SHORTEST && body.includes(secret)) body = body.replaceAll(secret, '(redacted)');
  }
  return body === failure.body ? failure : { ...failure, body };
}
