import type { ConfigStore, WatchEvent } from '@holdfast/store';

const text = (value: Uint8Array | undefined) =>
  value === undefined ? undefined : new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);

/** The events of a watch of everything, as they come. */
export function follow(store: ConfigStore) {
  const events: WatchEvent[] = [];
  const watch = store.watch({ prefix: '' }, { previous: true });
  const ended = (async () => {
    for await (const batch of watch) events.push(...batch.events);
  })();
  const shown = () =>
    events.map((event) =>
      event.type === 'put'
        ? `${event.current.key}=${text(event.current.value)}`
        : `-${event.type === 'delete' ? event.key : ''}`,
    );
  return { watch, events, shown, close: async () => (await watch.close(), ended) };
}
