import type { ConfigStore, WatchEvent } from '@holdfast/store';

const text = (value: Uint8Array | undefined) =>
  value === undefined ? undefined : new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);

/** The events of a watch of everything, as they come, until it is disposed of. */
export function follow(store: ConfigStore) {
  const batches: (readonly WatchEvent[])[] = [];
  const events: WatchEvent[] = [];
  const watch = store.watch({ prefix: '' }, { previous: true });
  const ended = (async () => {
    for await (const batch of watch) {
      if (batch.events.length > 0) batches.push(batch.events);
      events.push(...batch.events);
    }
  })();
  const shown = () =>
    events.map((event) =>
      event.type === 'put'
        ? `${event.current.key}=${text(event.current.value)}`
        : `-${event.type === 'delete' ? event.key : ''}`,
    );
  const close = async () => (await watch.close(), ended);
  return { watch, batches, events, shown, close, [Symbol.asyncDispose]: close };
}
