import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { addAbortListener, removeAbortListener } from '@holdfast/store/adapter';

const registrations = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describe('listeners for the abort of a signal', () => {
  test('many listeners of a signal are one registration, which goes with the last of them', () => {
    const { signal } = new AbortController();
    const listeners = Array.from({ length: 30 }, () => () => undefined);
    for (const listener of listeners) addAbortListener(signal, listener);
    expect(registrations(signal)).toBe(1);
    for (const listener of listeners.slice(1)) removeAbortListener(signal, listener);
    expect(registrations(signal)).toBe(1);
    removeAbortListener(signal, listeners[0]!);
    expect(registrations(signal)).toBe(0);
  });

  test('each is called once, in the order of their adding', () => {
    const controller = new AbortController();
    const called: number[] = [];
    for (const index of [1, 2, 3]) addAbortListener(controller.signal, () => called.push(index));
    controller.abort();
    controller.abort();
    expect(called).toEqual([1, 2, 3]);
    expect(registrations(controller.signal)).toBe(0);
  });

  test('one that was taken back is not called, even if another one did that during the abort', () => {
    const controller = new AbortController();
    const called: string[] = [];
    const second = () => called.push('second');
    addAbortListener(controller.signal, () => {
      called.push('first');
      removeAbortListener(controller.signal, second);
    });
    addAbortListener(controller.signal, second);
    controller.abort();
    expect(called).toEqual(['first']);
  });

  test('after the abort, and without a signal, nothing is registered', () => {
    const signal = AbortSignal.abort();
    const listener = () => undefined;
    addAbortListener(signal, listener);
    addAbortListener(undefined, listener);
    removeAbortListener(signal, listener);
    removeAbortListener(undefined, listener);
    expect(registrations(signal)).toBe(0);
  });
});
