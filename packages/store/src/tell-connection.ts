import { connectionChannel, type StoreConnectionEvent } from './channels.js';
import type { WatchState } from './watch.js';

/** Publishes what has become of a watch's connection, if anyone listens. */
export function tellConnection(
  { store, endpoints }: Pick<StoreConnectionEvent, 'store' | 'endpoints'>,
  state: WatchState,
  previous: WatchState,
): void {
  if (!connectionChannel.hasSubscribers || state.status === 'connecting') return;
  const error = state.status === 'interrupted' ? state.cause : state.status === 'closed' ? state.error : undefined;
  const endpoint = error?.endpoint ?? (endpoints.length === 1 ? endpoints[0] : undefined);
  const event: StoreConnectionEvent = {
    store,
    endpoints,
    status: state.status,
    previous: previous.status,
    ...(endpoint !== undefined && { endpoint }),
    ...(error !== undefined && { code: error.code }),
  };
  connectionChannel.publish(event);
}

/** The store whose driver opens a watch in this turn. */
let opener: string | undefined;

/** Opens a driver's watch. A view's driver opens one of the store below meanwhile, of which only the view tells. */
export function openingWatch<T>(store: string, open: () => T): T {
  const outer = opener;
  opener = store;
  try {
    return open();
  } finally {
    opener = outer;
  }
}

/** Whether a watch that is opened now is a part of another one, of the same backend. */
export function isWatchOpening(store: string): boolean {
  return opener === store;
}
