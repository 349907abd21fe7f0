import { isStoreError, type Logger } from '@holdfast/store';
import { digestSorted } from '../data/digest.js';
import type { FleetPeer } from './fleet-client.js';
import { mirrorContent, openHoldfast } from './holdfast.js';

/** A whole fleet may start at once. */
const START_TIMEOUT_MS = 300_000;

/** A lazy mirror with a store of its own. */
export const fleetMirror: FleetPeer = {
  prepare: () => Promise.all([import('@holdfast/etcd-v3'), import('@holdfast/core')]),
  open: async ({ endpoints, prefix }) => {
    const { json, mirror } = await import('@holdfast/core');
    let timeouts = 0;
    const logger: Logger = {
      // Every failure that the mirror rides out is logged here.
      debug: (_message, details) => {
        if (isStoreError(details?.['error'], 'timeout')) timeouts += 1;
      },
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    };
    const store = await openHoldfast(...endpoints);
    const opened = await mirror(store, {
      prefix,
      codec: json(),
      decode: 'lazy',
      startTimeoutMs: START_TIMEOUT_MS,
      logger,
    });
    let reloads = 0;
    opened.on('resync', () => {
      reloads += 1;
    });
    return {
      get reloads() {
        return reloads;
      },
      get timeouts() {
        return timeouts;
      },
      isAt: (revision) => {
        if (opened.revision < revision) return false;
        const { status, connection } = opened.state;
        // Older checkouts, which may be a peer, tell nothing of the connection.
        return status === 'live' && connection !== 'interrupted';
      },
      digest: () => digestSorted(mirrorContent(opened, prefix)),
    };
  },
};
