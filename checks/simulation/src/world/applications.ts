import { isStoreError } from '@holdfast/store';
import type { Parts } from './parts.js';
import { PREFIX, type Step } from '../plans/plan.js';

/** The time after which calls are aborted while they run, in milliseconds. */
const ABORTED_AFTER_MS = 3;

/** Everything that a world's applications do with their mirrors, watches and stores, at any time. Nothing waits for it. */
export class Applications {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  read(step: Extract<Step, { do: 'read' }>): void {
    this.#parts.background.start(this.#read(step));
  }

  async #read({ client, key, how }: Extract<Step, { do: 'read' }>): Promise<void> {
    const store = this.#parts.client(client).recorded;
    try {
      if (how === 'list') await store.list({ prefix: PREFIX });
      else await store.get(key, how === 'serializable' ? { consistency: 'serializable' } : {});
    } catch (error) {
      // An outage is never a value.
      if (!isStoreError(error)) this.#parts.violations.add('outcome', `a read failed with ${String(error)}`);
    }
  }

  actOnMirror({ index, act }: Extract<Step, { do: 'mirror' }>): void {
    const { mirrors, faults, background, clock } = this.#parts;
    const mirror = mirrors[index % mirrors.length];
    if (mirror === undefined) return;
    if (act !== 'sync' && act !== 'open' && mirror.isOpen) faults.add(`mirror: ${act}`);
    switch (act) {
      case 'sync':
        background.start(mirror.sync());
        break;
      case 'wait-for':
        background.start(mirror.waitFor());
        break;
      case 'close':
        background.start(mirror.close());
        break;
      case 'abort':
        mirror.abort();
        break;
      case 'open':
        mirror.open();
        break;
      case 'close-in-listener':
        mirror.closeInListener();
        break;
      case 'abort-sync': {
        const controller = new AbortController();
        background.start(mirror.sync(controller.signal));
        clock.set(
          'application',
          () => {
            controller.abort();
          },
          ABORTED_AFTER_MS,
        );
        break;
      }
      default:
        act satisfies never;
    }
  }

  actOnWatch({ index, act }: Extract<Step, { do: 'watch' }>): void {
    const { watches, faults, background } = this.#parts;
    const watch = watches[index % watches.length];
    if (watch === undefined) return;
    if (watch.isOpen && act !== 'open' && act !== 'resume')
      faults.add(act === 'pause' ? 'slow consumer' : `watch: ${act}`);
    if (act === 'close') background.start(watch.close());
    else watch[act]();
  }
}
