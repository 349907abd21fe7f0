import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { note, ok, problem, type Finding } from './finding.js';
import { splitEndpoint, type Security } from './tls.js';

/** Times to live and certificates are no finer than that. */
const FAR_MS = 2_000;

/**
 * How far an etcd's clock is from this machine's. Every HTTP answer has the date, in whole seconds.
 *
 * @param wallClock milliseconds since the epoch
 */
export async function clockFindings(
  endpoints: readonly string[],
  security: Security,
  {
    timeoutMs,
    wallClock,
    signal,
  }: { readonly timeoutMs: number; readonly wallClock: () => number; readonly signal: AbortSignal },
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const endpoint of endpoints) {
    const began = wallClock();
    const date = await dateOf(endpoint, security, timeoutMs, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (date === undefined || Number.isNaN(date)) {
      found.push(note('clock', `${endpoint} does not tell the time`));
      continue;
    }
    // The server's clock was somewhere in the second that begins with the date, some time between question and answer.
    const [least, most] = [date - wallClock(), date + 1_000 - began];
    const apart = least > 0 ? least : most < 0 ? -most : 0;
    found.push(
      apart < FAR_MS
        ? ok('clock', `${endpoint} is within two seconds of this machine`)
        : problem(
            'clock',
            `${endpoint} is ${Math.round(apart / 1_000)} s ${least > 0 ? 'ahead of' : 'behind'} this machine`,
            'Keep both clocks in step, as with NTP: certificates and times to live depend on them.',
          ),
    );
  }
  return found;
}

function dateOf(
  endpoint: string,
  { isTls, options }: Security,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { host, port } = splitEndpoint(endpoint);
  const { servername, ca, cert, key } = options;
  const common = { host, port, path: '/version', method: 'GET', timeout: timeoutMs, signal, agent: false };
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      const { date } = response.headers;
      response.destroy();
      resolve(date === undefined ? undefined : Date.parse(date));
    };
    // Whether the certificate is a good one is another check's matter.
    const secure = { ca, cert, key, rejectUnauthorized: false };
    const name = servername ?? host;
    const request = isTls
      ? httpsRequest({ ...common, ...secure, ...(isIP(name) === 0 && { servername: name }) }, answered)
      : httpRequest(common, answered);
    request.on('error', reject);
    request.on('timeout', () => {
      request.destroy(new Error('no answer in time'));
    });
    request.end();
  });
}
