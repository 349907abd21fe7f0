import { isStoreError } from '@holdfast/store';
import { messageOf } from '@holdfast/store/adapter';
import { badAnswer } from '../protobuf/bad-answer.js';
import type { Accept, Attempted } from './attempt.js';

/** An attempt, with what is made of its answer. An answer that is not accepted makes it a failed one. */
export function accepted<Response, T>(
  attempted: Attempted<Response>,
  accept: Accept<Response, T>,
): Attempted<T> | Promise<Attempted<T>> {
  if (attempted.status !== 'answered') return attempted;
  try {
    const response = accept(attempted.response);
    if (response instanceof Promise) return response.then(answered, notAccepted);
    return answered(response);
  } catch (error) {
    return notAccepted(error);
  }
}

function answered<T>(response: T): Attempted<T> {
  return { status: 'answered', response };
}

/** Whatever is thrown over an answer ends the attempt: what the answer says for good, or that it is no good. */
export function notAccepted(thrown: unknown): Exclude<Attempted<never>, { status: 'answered' }> {
  if (isStoreError(thrown) && thrown.code !== 'internal') return { status: 'over', error: thrown, sent: true };
  if (isStoreError(thrown)) return { status: 'unusable', error: thrown };
  return { status: 'unusable', error: badAnswer(`etcd sent an answer that can't be used (${messageOf(thrown)})`) };
}
