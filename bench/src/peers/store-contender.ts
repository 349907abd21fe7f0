import type { ConfigStore } from '@holdfast/store';
import type { Closable, Contender, LoadPrefix } from './contender.js';
import { digestSorted } from '../data/digest.js';
import { mirrorContent, mirrorJson, type Decode } from './holdfast.js';

/**
 * A store of Holdfast's: loads are mirrors, lazy and eager.
 *
 * @param open makes a handle that nothing was asked of, as a process does when it starts
 */
export function storeContender(open: () => ConfigStore): Contender {
  const writer = open();
  const mirrored =
    (decode: Decode): LoadPrefix =>
    async (prefix) => {
      const store = open();
      const mirror = await mirrorJson(store, prefix, decode);
      return {
        content: mirror,
        digest: () => digestSorted(mirrorContent(mirror, prefix)),
        close: async () => {
          await mirror.close();
          await store.close();
        },
      };
    };
  const follow = async (prefix: string, onValue: (value: unknown) => void): Promise<Closable> => {
    const store = open();
    const mirror = await mirrorJson(store, prefix, 'eager');
    mirror.on('change', ({ changes }) => {
      for (const change of changes) if (change.type === 'put') onValue(change.current.value);
    });
    return {
      close: async () => {
        await mirror.close();
        await store.close();
      },
    };
  };
  return {
    load: mirrored('lazy'),
    loadParsed: mirrored('eager'),
    put: (key, value) => writer.put(key, value),
    listen: (prefix, arrivals) =>
      follow(prefix, (value) => {
        arrivals.note(value);
      }),
    rest: () => follow('bench/idle/', () => undefined),
    close: () => writer.close(),
  };
}
