import { digestSorted } from '../data/digest.js';
import { mirrorContent, openHoldfast, type Decode } from '../peers/holdfast.js';
import { measure } from './measure.js';
import type { Side } from './row.js';
import { text } from './task.js';

/** Where nobody answers. */
const NOBODY = 'http://127.0.0.1:1';
/** How often the small prefix is started from, to warm V8 up before the measurement. */
const WARMUPS = 3;
/** The name of the store in all snapshots of the row: its endpoints change. */
const NAME = 'bench';

async function open(endpoint: string, prefix: string, decode: Decode, path: string) {
  const { json, mirror } = await import('@holdfast/core');
  const { fileSnapshot } = await import('@holdfast/core/file-snapshot');
  const store = await openHoldfast(endpoint);
  const options = { snapshot: fileSnapshot(path), snapshotName: NAME, snapshotAfterMs: 0 };
  const mirrored = await mirror(store, { prefix, codec: json(), decode, ...options });
  return { store, mirrored };
}

async function close({ store, mirrored }: Awaited<ReturnType<typeof open>>): Promise<void> {
  await mirrored.close();
  await store.close();
}

/** Writes the snapshots of a prefix and of the one to warm up with, as an eager mirror or a lazy one does. */
export const snapshotWriter: Side = {
  label: 'writes the snapshots',
  async run({ params }) {
    for (const [prefix, path] of [
      [text(params, 'prefix'), text(params, 'path')],
      [text(params, 'warmupPrefix'), text(params, 'warmupPath')],
    ] as const)
      await close(await open(text(params, 'endpoint'), prefix, 'lazy', path));
    return { figures: {} };
  },
};

/** A start without the store: from turning to the file to everything shown. */
export function fileSide(label: string, decode: Decode): Side {
  return {
    label,
    async run({ params }) {
      for (let time = 0; time < WARMUPS; time += 1)
        await close(await open(NOBODY, text(params, 'warmupPrefix'), decode, text(params, 'warmupPath')));
      const prefix = text(params, 'prefix');
      const { result, figures } = await measure(() => open(NOBODY, prefix, decode, text(params, 'path')));
      const digest = digestSorted(mirrorContent(result.mirrored, prefix));
      await close(result);
      return { figures, digest };
    },
  };
}

/** A start with the snapshot, after some keys have changed: until the mirror is live and has them. */
export function resumeSide(label: string, decode: Decode): Side {
  return {
    label,
    async run({ params }) {
      const prefix = text(params, 'prefix');
      const { result, figures } = await measure(async () => {
        const opened = await open(text(params, 'endpoint'), prefix, decode, text(params, 'path'));
        await opened.mirrored.sync({ timeoutMs: 120_000 });
        return opened;
      });
      const digest = digestSorted(mirrorContent(result.mirrored, prefix));
      await close(result);
      return { figures, digest };
    },
  };
}
