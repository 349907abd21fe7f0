import {
  backgroundClock,
  checkClock,
  checkMs,
  checkNames,
  checkWhole,
  safeLogger,
  safeRandom,
} from '@holdfast/store/adapter';
import { checkAuth, checkCredentials, type EtcdCredentials } from './credentials.js';
import { parseEndpoints } from './endpoint-address.js';
import { checkHeaders, type HeaderRule } from './headers.js';
import { checkIdentity } from './identity-options.js';
import type { EtcdKeepalive, EtcdOptions, ResolvedEtcdOptions } from './options.js';
import { checkTls } from './tls.js';

/** Where the options of one adapter differ from those of the other. */
export interface OptionRules {
  /** The function that takes the options, for messages: `etcdV3Store()`. */
  readonly taker: string;
  /** Options that only this adapter has. It checks them itself. */
  readonly own: readonly string[];
  readonly headers: HeaderRule;
  /** The default of `maxResponseBytes`. */
  readonly maxResponseBytes: number;
  /** What the API asks of a user. Default: {@link checkCredentials}. */
  readonly checkCredentials?: (auth: unknown) => EtcdCredentials;
}

const COMMON = [
  ...['endpoints', 'auth', 'tls', 'headers', 'timeouts', 'keepalive', 'retry', 'maxResponseBytes'],
  ...['identity', 'bufferBytes', 'logger', 'clock', 'random'],
] as const satisfies readonly (keyof EtcdOptions)[];

/**
 * Checks the options that both adapters take, and fills in the defaults.
 *
 * @throws StoreError `invalid-argument`, with the option's name
 */
export function resolveEtcdOptions(options: EtcdOptions, rules: OptionRules): ResolvedEtcdOptions {
  const given = checkNames(options, [...COMMON, ...rules.own], rules.taker) as Partial<EtcdOptions>;
  const { headers = {}, timeouts = {}, keepalive = {}, retry = {} } = given;
  checkNames(timeouts, ['connectMs', 'requestMs'], 'the option timeouts');
  checkNames(retry, ['attempts', 'initialMs', 'maxMs'], 'the option retry');
  const endpoints = parseEndpoints(given.endpoints);
  return {
    endpoints,
    auth: checkAuth(given.auth, rules.checkCredentials ?? checkCredentials),
    security: checkTls(given.tls, endpoints),
    headers: checkHeaders(headers, rules.headers),
    connectMs: checkMs(timeouts.connectMs ?? 5_000, 'timeouts.connectMs'),
    requestMs: timeouts.requestMs === undefined ? undefined : checkMs(timeouts.requestMs, 'timeouts.requestMs'),
    keepalive: checkKeepalive(keepalive),
    retry: {
      attempts: checkWhole(retry.attempts ?? Math.max(3, endpoints.length), 'retry.attempts', 'attempts'),
      initialMs: checkMs(retry.initialMs ?? 100, 'retry.initialMs'),
      maxMs: checkMs(retry.maxMs ?? 2_000, 'retry.maxMs'),
    },
    maxResponseBytes: checkWhole(given.maxResponseBytes ?? rules.maxResponseBytes, 'maxResponseBytes', 'bytes'),
    identity: checkIdentity(given.identity),
    bufferBytes: given.bufferBytes,
    logger: safeLogger(given.logger),
    clock: backgroundClock(checkClock(given.clock)),
    random: safeRandom(given.random),
  };
}

function checkKeepalive(keepalive: false | EtcdKeepalive): ResolvedEtcdOptions['keepalive'] {
  if (keepalive === false) return undefined;
  checkNames(keepalive, ['intervalMs', 'timeoutMs'], 'the option keepalive');
  return {
    intervalMs: checkMs(keepalive.intervalMs ?? 10_000, 'keepalive.intervalMs'),
    timeoutMs: checkMs(keepalive.timeoutMs ?? 5_000, 'keepalive.timeoutMs'),
  };
}
