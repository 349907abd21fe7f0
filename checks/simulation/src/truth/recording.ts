import type { ConfigStore, Watch } from '@holdfast/store';
import { Recorder, recordWatch } from '@holdfast/testkit';

/** The real history of the store, in the form that the testkit's checkers take. */
export interface Recording {
  readonly recorder: Recorder;
  readonly recorded: Watch;
}

/** Records everything that happens to the store from now on. */
export async function startRecording(data: ConfigStore): Promise<Recording> {
  const watch = data.watch({ prefix: '' });
  const bookmark = await watch.ready;
  const recorder = new Recorder();
  const recorded = recordWatch(watch, recorder, {
    client: 'truth',
    range: { prefix: '' },
    options: { after: bookmark },
  });
  void (async () => {
    try {
      for await (const _ of recorded);
    } catch {
      // Another history began. The checkers of single histories are not used then.
    }
  })();
  return { recorder, recorded };
}
