import { status as grpcStatus, type Metadata } from '@grpc/grpc-js';
import type { Clock } from '@holdfast/store';
import { type GrpcFailure, meaningOf, TOKEN_UNANSWERED } from '../errors.js';
import { answerPoint } from '../protobuf/answer-point.js';
import type { EtcdChannel } from './etcd-channel.js';
import { MEMBER_HEADER, RANGE, type Rpc } from './rpc.js';

/** A connection's answer to the question for its cluster. */
export type Shown =
  | { readonly status: 'told'; readonly identity: string }
  /** The server answers without its cluster: it refuses, or its answer names none. */
  | { readonly status: 'untold'; readonly refusal: GrpcFailure | undefined }
  | { readonly status: 'failed'; readonly failure: GrpcFailure };

/** A range in etcd's terms. */
export interface AskedRange {
  readonly key: Buffer;
  readonly range_end?: Buffer;
}

/** The smallest possible range. */
const NO_RANGE: AskedRange = { key: Buffer.of(0) };

/** How long the answer to a question with a token may take, in milliseconds. */
const ANSWER_MS = 2_000;

/**
 * Asks a connection which cluster it reaches, without any write: by the list of members, which every logged-in user may
 * read, on any member but a learner; where that is refused, by a serializable count of a range that the caller uses.
 *
 * @param clock where the metadata has a token: the answer is not waited for without end
 */
export async function askIdentity(
  channel: EtcdChannel,
  metadata: Metadata,
  clock: Clock | undefined,
  range: AskedRange = NO_RANGE,
): Promise<Shown> {
  const shown = await ask(channel, MEMBER_HEADER, {}, metadata, clock);
  const failure = shown.status === 'untold' ? shown.refusal : shown.status === 'failed' ? shown.failure : undefined;
  // Without a user, or with an old token, a range would be refused too.
  if (failure === undefined || meaningOf(failure).renewToken === true || !isOfTheCall(failure)) return shown;
  const counted = await ask(channel, RANGE, { ...range, serializable: true, count_only: true }, metadata, clock);
  return counted.status === 'told' ? counted : shown;
}

/**
 * Asks a connection something that every version answers only to a token that it knows. What it answers does not matter.
 *
 * @returns why the token is no good there
 */
export async function askToken(
  channel: EtcdChannel,
  metadata: Metadata,
  clock: Clock,
): Promise<GrpcFailure | undefined> {
  const shown = await ask(channel, RANGE, { ...NO_RANGE, serializable: true, count_only: true }, metadata, clock);
  if (shown.status === 'failed') return shown.failure;
  if (shown.status === 'told' || shown.refusal === undefined) return undefined;
  return meaningOf(shown.refusal).renewToken === true ? shown.refusal : undefined;
}

function ask<Request>(
  channel: EtcdChannel,
  rpc: Rpc<Request, Buffer>,
  request: Request,
  metadata: Metadata,
  clock: Clock | undefined,
): Promise<Shown> {
  return new Promise((resolve) => {
    const timer = clock?.setTimeout(() => {
      resolve({ status: 'untold', refusal: TOKEN_UNANSWERED });
      call.cancel();
    }, ANSWER_MS);
    const call = channel.unary(rpc, request, metadata, (failure, response) => {
      clock?.clearTimeout(timer);
      if (failure !== null) {
        const { retryable, renewToken } = meaningOf(failure);
        const isOver = retryable && renewToken !== true;
        resolve(isOver ? { status: 'failed', failure } : { status: 'untold', refusal: failure });
        return;
      }
      const point = answerPoint(response);
      resolve(
        point === undefined ? { status: 'untold', refusal: undefined } : { status: 'told', identity: point.clusterId },
      );
    });
  });
}

/** Whether the server refuses this call but may accept another one: a learner, or a proxy that serves only a part of the API. */
function isOfTheCall(failure: GrpcFailure): boolean {
  const { code } = meaningOf(failure);
  const isLearner = failure.details === 'etcdserver: rpc not supported for learner';
  return code === 'unsupported' || code === 'permission-denied' || isLearner || UNIMPLEMENTED === failure.code;
}

const UNIMPLEMENTED: number = grpcStatus.UNIMPLEMENTED;
