import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { SessionChannels } from '@holdfast/coordination';
import type { MirrorChannels } from '@holdfast/core';
import type { StoreChannels } from '@holdfast/store';

type Channels = StoreChannels & MirrorChannels & SessionChannels;

/** Subscriptions to channels that end together. */
export class Subscriptions {
  readonly #undo: (() => void)[] = [];

  /** @param listener must not throw: Node takes that for an uncaught exception */
  on<Name extends keyof Channels>(name: Name, listener: (event: Channels[Name]) => void): void {
    const onMessage = (event: unknown) => {
      listener(event as Channels[Name]);
    };
    subscribe(name, onMessage);
    this.#undo.push(() => unsubscribe(name, onMessage));
  }

  end(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }
}
