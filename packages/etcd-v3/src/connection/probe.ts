import { connectivityState } from '@grpc/grpc-js';
import type { EndpointAddress } from '@holdfast/etcd-common';
import { StoreError, type Clock } from '@holdfast/store';
import { withDeadline } from '@holdfast/store/adapter';
import { meaningOf } from '../errors.js';
import { answerPoint } from '../protobuf/answer-point.js';
import { askIdentity } from './ask-identity.js';
import type { Authenticator } from './authenticator.js';
import { EtcdChannel, type ChannelOptionSource } from './etcd-channel.js';
import { AUTHENTICATE } from './rpc.js';

export interface ProbeOptions extends ChannelOptionSource {
  readonly connectMs: number;
  readonly clock: Clock;
}

/**
 * Opens a connection for one question, and ends it: behind a balancer's name it may reach another member than the one
 * that calls use.
 *
 * @throws StoreError `unavailable` where there is no answer within `connectMs`, or the signal's reason.
 */
export async function probe<T>(
  address: EndpointAddress,
  options: ProbeOptions,
  ask: (channel: EtcdChannel) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { clock, connectMs: ms } = options;
  const { name: endpoint } = address;
  const failed = (why: string): StoreError => new StoreError('unavailable', `${endpoint}: ${why}`, { endpoint });
  const late = (): StoreError => failed(`no answer within ${ms} ms`);
  signal.throwIfAborted();
  const channel = new EtcdChannel(address, options);
  const answer = (): Promise<T> =>
    new Promise((resolve, reject) => {
      channel.connect((state) => {
        if (state === connectivityState.READY) ask(channel).then(resolve, reject);
        else if (state !== connectivityState.CONNECTING) reject(failed('no connection'));
      });
    });
  try {
    return await withDeadline({ clock, ms, signal, late, isPatient: true }, answer);
  } finally {
    channel.destroy();
  }
}

/**
 * Asks a connection which cluster it reaches. A server that wants a user first is asked with the token that the store has;
 * where that is urgent, it is asked for a new one, whose answer tells the cluster too: a token of another history can be let
 * wait, and an authentication costs the server a bcrypt hash.
 */
export async function askAs(
  authenticator: Authenticator,
  channel: EtcdChannel,
  { clock, isUrgent }: { readonly clock: Clock; readonly isUrgent: boolean },
): Promise<string | undefined> {
  const { anonymous, latest } = authenticator;
  const shown = await askIdentity(channel, anonymous.metadata, undefined);
  if (shown.status === 'told') return shown.identity;
  const refusal = shown.status === 'untold' ? shown.refusal : shown.failure;
  if (refusal === undefined || meaningOf(refusal).renewToken !== true) return undefined;
  if (!isUrgent) {
    if (latest.token === undefined) return undefined;
    const told = await askIdentity(channel, latest.metadata, clock);
    return told.status === 'told' ? told.identity : undefined;
  }
  const request = await authenticator.credentials();
  if (request === undefined) return undefined;
  return new Promise((resolve) => {
    channel.unary(AUTHENTICATE, request, anonymous.metadata, (_failure, response) => {
      resolve(answerPoint(response)?.clusterId);
    });
  });
}
