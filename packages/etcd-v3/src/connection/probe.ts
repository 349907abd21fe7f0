import { connectivityState } from '@grpc/grpc-js';
import type { EndpointAddress } from '@holdfast/etcd-common';
import { StoreError, type Clock } from '@holdfast/store';
import { EtcdChannel, type ChannelOptionSource } from './etcd-channel.js';

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
  const { clock, connectMs } = options;
  signal.throwIfAborted();
  const channel = new EtcdChannel(address, options);
  let end = (_error: unknown): void => undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    end = reject;
  });
  ended.catch(() => undefined);
  const onAbort = (): void => {
    end(signal.reason);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = clock.setTimeout(() => {
    end(new StoreError('unavailable', `${address.name}: no answer within ${connectMs} ms`, { endpoint: address.name }));
  }, connectMs);
  try {
    const connected = new Promise<void>((resolve) => {
      channel.connect((state) => {
        if (state === connectivityState.READY) resolve();
        else if (state !== connectivityState.CONNECTING) {
          end(new StoreError('unavailable', `${address.name}: no connection`, { endpoint: address.name }));
        }
      });
    });
    await Promise.race([connected, ended]);
    return await Promise.race([ask(channel), ended]);
  } finally {
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    channel.destroy();
  }
}
