import type { ConfigStore, Watch } from '@holdfast/store';
import { Recorder, recordWatch } from '@holdfast/testkit';

/** What really happened, in the form that the testkit's checkers take. */
export interface Recording {
  readonly recorder: Recorder;
  readonly recorded: Watch;
}

/** Writes down everything that happens to the store from now on. */
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
      // Another history began: the checkers of one history are not asked then.
    }
  })();
  return { recorder, recorded };
}
