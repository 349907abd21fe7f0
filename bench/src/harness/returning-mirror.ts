import { digestSorted } from '../data/digest.js';
import { mirrorContent, mirrorJson, openHoldfast, type Decode } from '../peers/holdfast.js';
import { measure, sharedNow } from './measure.js';
import type { Figures, Side } from './row.js';
import { pauseOf } from './resync-pause.js';
import { text } from './task.js';

/** A mirror that loses its connection, and becomes equal to the store again after it has one. See `reconnectRound`. */
export function returningMirror(label: string, decode: Decode): Side {
  return {
    label,
    async run(task) {
      const prefix = text(task.params, 'prefix');
      const endpoint = text(task.params, 'endpoint');
      const open = async () => {
        const store = await openHoldfast(endpoint);
        return { store, mirror: await mirrorJson(store, prefix, decode) };
      };
      for (let time = 0; time < 2; time += 1) {
        const { store, mirror } = await open();
        await mirror.close();
        await store.close();
      }
      task.tell('ready');
      await task.hear('begin');
      const { result, figures: full } = await measure(open);
      const { store, mirror } = result;
      let resyncs = 0;
      mirror.on('resync', () => {
        resyncs += 1;
      });
      task.tell('loaded');
      const pausedMs = pauseOf(store, mirror);
      const head = await task.hear<number>('head');
      const { result: caughtUp, figures } = await measure(async () => {
        task.tell('waiting');
        await mirror.waitFor(head, { timeoutMs: 120_000 });
        return sharedNow();
      });
      const allowed = await task.hear<number>('allowed');
      const connected = await task.hear<number>('connected');
      const digest = digestSorted(mirrorContent(mirror, prefix));
      await mirror.close();
      await store.close();
      // How long it takes to have a connection again is up to the back-off; what is done with one counts.
      const ms = caughtUp - connected;
      const times = { ms, unpausedMs: ms - pausedMs(), unconnectedMs: connected - allowed, resyncs };
      return { figures: { ...costs(figures), ...times, fullMs: full['ms'] ?? NaN }, digest };
    },
  };
}

export function costs({ cpuMs = NaN, stallMs = NaN }: Figures): Figures {
  return { cpuMs, stallMs };
}
