import { afterEach, describe, expect, test } from '@jest/globals';
import { CompactedError, StoreError, toRevision, type Watch, type WatchEvent } from '@holdfast/store';
import {
  createStore,
  followChanges,
  type Changes,
  type Doorbell,
  type FollowChangesOptions,
} from '@holdfast/adapter-kit';
import { eventually, virtualClock } from '@holdfast/testkit';
import { Notebook, NotebookDriver } from './support/notebook-driver.js';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

const bytes = (text: string) => new TextEncoder().encode(text);

/** A store on a notebook whose watch is made of other options than usual. */
function storeWith(options: Partial<FollowChangesOptions>, notebook = new Notebook()) {
  const { history, doorbell } = notebook;
  const driver = new NotebookDriver(notebook);
  const watch = followChanges({
    head: () => history.head(),
    changesSince: (after) => history.changesSince(after),
    doorbell,
    ...options,
  });
  const store = createStore(Object.assign(driver, { watch }));
  open.push(store);
  return {
    store,
    notebook,
    write: (key: string) =>
      notebook.write((draft) => {
        draft.put(key, bytes('x'), undefined);
      }),
  };
}

/** The revisions of the next events, read one batch after the other. */
async function revisionsOf(watch: Watch, count: number): Promise<number[]> {
  const revisions: number[] = [];
  for await (const { events } of watch) {
    revisions.push(...events.map(({ revision }) => revision));
    if (revisions.length >= count) return revisions;
  }
  return revisions;
}

const failureOf = (watch: Watch) => revisionsOf(watch, 1).then(String, (error: unknown) => error as StoreError);

describe('mistakes of changesSince are named', () => {
  const put = (revision: number, modRevision = revision): WatchEvent => ({
    type: 'put',
    revision: toRevision(revision),
    isCreate: true,
    current: {
      key: '/a',
      value: bytes('1'),
      createRevision: toRevision(modRevision),
      modRevision: toRevision(modRevision),
    },
  });
  const good = { identity: 'notebook', head: toRevision(9), events: [] };
  const mistakes: [string, object, RegExp][] = [
    ['no identity', { identity: '' }, /must give the identity of the history/],
    ['another history', { identity: 'other' }, /the bookmark is of history notebook, and this is other/],
    [
      'a head that is no revision',
      { head: 1.5 },
      /the head that changesSince\(\) gives must be a positive whole number, not 1.5/,
    ],
    ['a head of before', { head: 1 }, /the store at 1: it was restored or wiped/],
    ['a compaction past the head', { compacted: 12 }, /says that revision 12 is compacted, past the head 9/],
    ['events that are not sorted', { events: [put(7), put(6)] }, /sort the events by revision/],
    ['events past the head', { events: [put(10)] }, /read the head and the events in one snapshot/],
    ['an entry of another revision', { events: [put(7, 6)] }, /has an entry with modRevision 6/],
    ['a part that leads nowhere', { upTo: 5 }, /gives upTo 5: it must be after 5, and not past the head 9/],
    ['a part past the head', { upTo: 10 }, /gives upTo 10/],
  ];

  test.each(mistakes)('%s', async (_name, wrong, message) => {
    const changesSince = () => ({ ...good, ...wrong }) as Changes;
    const { store } = storeWith({ changesSince });
    const watch = store.watch({ prefix: '' }, { after: { revision: toRevision(5), identity: 'notebook' } });
    expect(String(await failureOf(watch))).toMatch(message);
  });

  test('and of the options, before anything begins', () => {
    expect(() => followChanges({ head: () => ({ identity: 'a', revision: toRevision(1) }) } as never)).toThrow(
      'followChanges() needs a function changesSince',
    );
    expect(() => storeWith({ doorbell: 5 as never })).toThrow('doorbell must be a function');
    expect(() => storeWith({ pollMs: -1 })).toThrow(/pollMs/);
    expect(() => storeWith({ polMs: 5 } as never)).toThrow(/polMs/);
  });
});

describe('a watch', () => {
  test('needs no doorbell: it looks every pollMs', async () => {
    const { store, write } = storeWith({ doorbell: undefined as never, pollMs: 5 });
    const watch = store.watch({ prefix: '' });
    await watch.ready;
    await write('/a');
    await write('/b');
    expect(await revisionsOf(watch, 2)).toEqual([2, 3]);
  });

  test('loses nothing that is written while it begins to listen', async () => {
    let listen: (() => void) | undefined;
    const notebook = new Notebook();
    const doorbell: Doorbell = async (ring) => {
      await new Promise<void>((resolve) => (listen = resolve));
      return notebook.doorbell(ring);
    };
    const { store, write } = storeWith({ doorbell, pollMs: 60_000 }, notebook);
    const { bookmark } = await store.list({ prefix: '' });
    const watch = store.watch({ prefix: '' }, { after: bookmark });
    await eventually(() => listen !== undefined);
    await write('/a');
    listen?.();
    expect(await revisionsOf(watch, 1)).toEqual([2]);
  });

  test('goes on without a doorbell that fails, and tries it again', async () => {
    let tried = 0;
    const doorbell: Doorbell = () => {
      tried += 1;
      return Promise.reject(new Error('no file events here'));
    };
    const { store, write } = storeWith({ doorbell, pollMs: 5 });
    const [one, two] = [store.watch({ prefix: '' }), store.watch({ prefix: '' })];
    await Promise.all([one.ready, two.ready]);
    await write('/a');
    expect([await revisionsOf(one, 1), await revisionsOf(two, 1)]).toEqual([[2], [2]]);
    await eventually(() => tried > 2);
  });

  test('listens to a doorbell that failed at first, before the next look, and is rung by it', async () => {
    const [notebook, clock] = [new Notebook(), virtualClock()];
    let tried = 0;
    const doorbell: Doorbell = (ring) => {
      tried += 1;
      if (tried === 1) throw new Error('not yet');
      return notebook.doorbell(ring);
    };
    const { store, write } = storeWith({ doorbell, clock, pollMs: 1_000 }, notebook);
    const watch = store.watch({ prefix: '' });
    await watch.ready;
    await eventually(async () => {
      await clock.advance(500);
      return tried > 1;
    });
    // From here on the clock stands still: only the doorbell can wake the watch.
    await write('/a');
    expect(await revisionsOf(watch, 1)).toEqual([2]);
  });

  test('that is far behind looks at each event a few times, not once for each revision', async () => {
    const count = 3_000;
    let looks = 0;
    const events = Array.from({ length: count }, (_, index): WatchEvent => {
      const revision = toRevision(index + 2);
      return Object.defineProperty({ type: 'delete', key: '/a', revision } as const, 'revision', {
        enumerable: true,
        get: () => {
          looks += 1;
          return revision;
        },
      });
    });
    const changesSince = () => ({ identity: 'notebook', head: toRevision(count + 1), events });
    const { store } = storeWith({ changesSince, doorbell: undefined as never });
    const after = { revision: toRevision(1), identity: 'notebook' };
    const watch = store.watch({ prefix: '' }, { after, previous: true, bufferBytes: 100_000_000 });
    expect(await revisionsOf(watch, count)).toHaveLength(count);
    expect(looks).toBeLessThan(50 * count);
  });

  test('listens to one doorbell for all watches, and to none when the last was closed', async () => {
    let [listening, begun] = [0, 0];
    const notebook = new Notebook();
    const doorbell: Doorbell = (ring) => {
      const stop = notebook.doorbell(ring);
      [listening, begun] = [listening + 1, begun + 1];
      return () => {
        listening -= 1;
        stop();
      };
    };
    const { store } = storeWith({ doorbell }, notebook);
    const watches = [store.watch({ prefix: 'a' }), store.watch({ prefix: 'b' })];
    await Promise.all(watches.map(({ ready }) => ready));
    expect([listening, begun]).toEqual([1, 1]);
    for (const watch of watches) await watch.close();
    await eventually(() => listening === 0);
  });

  test('waits for no doorbell that does not begin when it is closed, and stops it once it has begun', async () => {
    let begin: () => void = () => undefined;
    let [asked, stopped] = [0, 0];
    const doorbell: Doorbell = async () => {
      asked += 1;
      await new Promise<void>((resolve) => (begin = resolve));
      return () => {
        stopped += 1;
      };
    };
    const { store } = storeWith({ doorbell });
    const watch = store.watch({ prefix: '' });
    watch.ready.catch(() => undefined);
    await eventually(() => asked === 1);
    let closed = false;
    void watch
      .close()
      .then(() => store.close())
      .then(() => (closed = true));
    await eventually(() => closed);
    expect(stopped).toBe(0);
    begin();
    await eventually(() => stopped === 1);
  });

  test('says that the backend is away, and goes on where it was', async () => {
    let down = false;
    const notebook = new Notebook();
    const changesSince = (after: number) => {
      if (down) throw new StoreError('unavailable', 'the notebook is closed');
      return notebook.history.changesSince(after);
    };
    const { store, write } = storeWith({ changesSince, pollMs: 5 }, notebook);
    const watch = store.watch({ prefix: '' });
    await watch.ready;
    const states: string[] = [];
    watch.onState(({ status }) => states.push(status));
    down = true;
    await write('/a');
    await eventually(() => watch.state.status === 'interrupted');
    await write('/b');
    down = false;
    expect(await revisionsOf(watch, 2)).toEqual([2, 3]);
    expect(states.slice(0, 1)).toEqual(['interrupted']);
    expect(states).toContain('live');
  });

  test('whose consumer has no room still says that the backend is away', async () => {
    let down = false;
    const notebook = new Notebook();
    const head = () => {
      if (down) throw new StoreError('unavailable', 'the notebook is closed');
      return notebook.history.head();
    };
    const { store, write } = storeWith({ head, pollMs: 5 }, notebook);
    const watch = store.watch({ prefix: '' }, { bufferBytes: 1 });
    await watch.ready;
    for (let index = 0; index < 5; index++) await write(`/${index}`);
    // It was pushed one batch, and looks at the head alone from then on.
    await eventually(() => {
      down = true;
      return watch.state.status === 'interrupted';
    });
    down = false;
    await eventually(() => watch.state.status === 'live');
    expect(await revisionsOf(watch, 5)).toEqual([2, 3, 4, 5, 6]);
  });

  test('ends with what passes by no waiting', async () => {
    const { store } = storeWith({
      changesSince: () => Promise.reject(new StoreError('permission-denied', 'not for you')),
    });
    expect(await failureOf(store.watch({ prefix: '' }))).toMatchObject({ code: 'permission-denied' });
  });

  test('from before a bounded history is compacted, with the revisions', async () => {
    const { store, notebook } = storeWith({});
    const { bookmark } = await store.list({ prefix: '' });
    for (let index = 0; index < 1_001; index++)
      await notebook.write((draft) => {
        draft.put('/a', bytes('x'), undefined);
      });
    const error = await failureOf(store.watch({ prefix: '' }, { after: bookmark }));
    expect(error).toBeInstanceOf(CompactedError);
    expect(error).toMatchObject({ compactRevision: 2, revision: 1_002 });
  });

  test('moves the bookmark of an idle range, no more often than progressMs', async () => {
    const clock = virtualClock();
    const { store, write } = storeWith({ clock, progressMs: 100, pollMs: 1_000 });
    await using watch = store.watch({ prefix: '/idle/' });
    await watch.ready;
    const bookmarks: number[] = [];
    const reading = (async () => {
      for await (const { bookmark } of watch) bookmarks.push(bookmark.revision);
    })();
    for (let index = 0; index < 20; index++) {
      await write('/busy');
      await clock.advance(10);
    }
    await clock.advance(100);
    await eventually(() => bookmarks.at(-1) === 21);
    expect(bookmarks.length).toBeLessThan(6);
    await watch.close();
    await reading;
  });
});
