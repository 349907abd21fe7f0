import {
  isStoreError,
  StoreError,
  type Range,
  type Watch,
  type WatchBatch,
  type WatchOptions,
  type WatchState,
} from '@holdfast/store';
import { messageOf } from '@holdfast/store/adapter';
import { checkOptions, checkShape, checkText } from '../check.js';
import { checkRecorder, type Recorder } from './recorder.js';

/** The same watch, with everything that it tells written down as its consumer takes it. */
export function recordWatch(
  watch: Watch,
  recorder: Recorder,
  of: { readonly client: string; readonly range: Range; readonly options?: WatchOptions },
): Watch {
  const given = checkOptions(of, ['client', 'range', 'options'], 'recordWatch()');
  checkShape(watch, ['ready', 'state', 'close'], 'recordWatch(watch)', 'store.watch() gives one');
  checkRecorder(recorder, 'recordWatch(watch, recorder)');
  checkText(given['client'], 'client', "'reader 1'");
  const { client, range, options = {} } = of;
  return new RecordedWatch(watch, recorder.open({ client, range, options }));
}

class RecordedWatch implements Watch {
  readonly ready: Watch['ready'];
  readonly #watch: Watch;
  readonly #note: ReturnType<Recorder['open']>;

  constructor(watch: Watch, note: ReturnType<Recorder['open']>) {
    this.#watch = watch;
    this.#note = note;
    this.ready = watch.ready;
    note({ type: 'state', state: watch.state });
    watch.onState((state) => {
      note({ type: 'state', state });
    });
    watch.ready.then(
      (bookmark) => {
        note({ type: 'ready', bookmark });
      },
      () => undefined,
    );
  }

  get state(): WatchState {
    return this.#watch.state;
  }

  onState(listener: (state: WatchState) => void): () => void {
    return this.#watch.onState(listener);
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchBatch> {
    const source = this.#watch[Symbol.asyncIterator]();
    return {
      next: async () => {
        try {
          const result = await source.next();
          this.#note(result.done === true ? { type: 'end' } : { type: 'batch', batch: result.value });
          return result;
        } catch (error) {
          this.#note({
            type: 'end',
            error: isStoreError(error) ? error : new StoreError('internal', messageOf(error), { cause: error }),
          });
          throw error;
        }
      },
      return: async () => {
        await source.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  close(): Promise<void> {
    return this.#watch.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
