import type { ConformanceCase } from '../case.js';
import type { ConformanceContext } from '../context.js';
import { expectEqual, expectTrue, isCode, show, text } from '../expect.js';
import { revisionsOf, RESUMES } from './support.js';

/** Runs a part of a case with the backend broken. Afterwards it is whole again, whatever happened. */
async function whileBroken(context: ConformanceContext, run: () => Promise<void>): Promise<void> {
  const disturb = context.hook('disturb');
  await disturb.break();
  try {
    await run();
  } finally {
    await disturb.heal();
  }
}

export const breakdownCases: readonly ConformanceCase[] = [
  {
    id: 'C12.breakdown-shows-in-the-state',
    clauses: ['C12'],
    title: 'a watch whose backend breaks says interrupted, with an outage as the cause, and live when it is back',
    writes: 'outside',
    needs: ['disturb'],
    async run(context) {
      const { store, key } = context;
      const [read, unread] = [await context.follow(), await context.follow()];
      await store.put(key('a'), '1');
      await read.untilEvents(1);
      await whileBroken(context, async () => {
        for (const { watch } of [read, unread]) {
          await context.eventually(
            `a watch to say interrupted after the backend broke (it says ${watch.state.status})`,
            () => watch.state.status === 'interrupted',
          );
          const { state } = watch;
          expectTrue(
            state.status === 'interrupted' && isCode(state.cause, 'unavailable', 'timeout'),
            `the cause must be an outage, got ${show(state)}`,
          );
        }
      });
      for (const { watch } of [read, unread]) {
        await context.eventually(
          'a watch to be live again after the backend was mended',
          () => watch.state.status === 'live',
        );
      }
    },
  },
  {
    id: 'C12.breakdown-is-ridden-out',
    clauses: ['C12', 'C10'],
    requires: RESUMES,
    title: 'a watch whose backend breaks goes on when it is back: what is written then is told, once, in order',
    writes: 'outside',
    needs: ['disturb'],
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      const written = [(await store.put(key('a'), 'before')).revision];
      for (let round = 0; round < 2; round++) {
        await whileBroken(context, () =>
          context.eventually('the breakdown to show', () => reader.watch.state.status === 'interrupted'),
        );
        await context.eventually('writes to work again', async () => {
          const put = store.put(key('a'), String(round)).then(
            ({ revision }) => written.push(revision),
            () => 0,
          );
          return (await put) > 0;
        });
        written.push((await store.put(key('b'), String(round))).revision);
        expectEqual(revisionsOf(await reader.untilEvents(written.length)), written, 'the revisions told');
      }
    },
  },
  {
    id: 'C4.breakdown-is-not-absence',
    clauses: ['C4', 'C14'],
    title: 'reads of a broken backend answer as before, or fail: never "not there", never an empty list (trap 14)',
    writes: 'outside',
    needs: ['disturb'],
    async run(context) {
      const { store, key, all } = context;
      await store.put(key('a'), '1');
      const options = { timeoutMs: 400 };
      await whileBroken(context, async () => {
        const reads = [
          store.get(key('a'), options).then((entry) => text(entry?.value)),
          store.list(all, options).then(({ items }) => text(items[0]?.value)),
        ].map((read) => read.catch((error: unknown) => (isCode(error, 'unavailable', 'timeout') ? '1' : show(error))));
        await context.passTime(450);
        const answers = await context.inTime(Promise.all(reads), 'reads of a broken backend to end');
        expectEqual(answers, ['1', '1'], 'what get and list of the broken backend said');
      });
      await context.eventually('reads to work again', async () => {
        const entry = await store.get(key('a'), { timeoutMs: 1_000 }).catch(() => undefined);
        return text(entry?.value) === '1';
      });
    },
  },
];
