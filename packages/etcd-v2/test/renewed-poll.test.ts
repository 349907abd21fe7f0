// What a waiting poll can't notice by itself: that its connection is half open, or its member without a leader.
import { afterEach, expect, test } from '@jest/globals';
import { eventually } from '@holdfast/testkit';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdHeaders, etcdSays, HostileServer, notFound, type Asked, type Reply } from './support/hostile-server.js';
import { follow } from './support/world.js';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

const waitingAt = (index: number): Reply => ({ status: 200, headers: etcdHeaders(index), headOnly: true });
const WAITING = waitingAt(5);
const CLEARED = etcdSays({ errorCode: 401, message: 'outdated', cause: '[2000/6]', index: 3_000 }, 3_000, 400);
const put = etcdSays({ action: 'set', node: { key: '/a/x', value: '1', modifiedIndex: 6, createdIndex: 6 } }, 6);

/**
 * A watch on a server that answers polls as told, by their number from 1; with a keepalive that asks often, and finds a server that answers,
 * however late.
 */
async function polled(answer: (poll: number) => Reply, hasLeader: (question: number) => boolean = () => true) {
  /** With the number of questions before each. */
  const polls: (Asked & { readonly after: number })[] = [];
  let questions = 0;
  const server = await HostileServer.start((asked) => {
    if (asked.path === '/v2/members/leader') {
      questions += 1;
      return hasLeader(questions)
        ? etcdSays({ id: 'a' })
        : { status: 503, headers: etcdHeaders(), body: '{"message":"During election"}' };
    }
    if (!asked.path.includes('wait=true')) return notFound('/a/_');
    polls.push({ ...asked, after: questions });
    return answer(polls.length);
  });
  const keepalive = { intervalMs: 10, timeoutMs: 60_000 };
  const store = etcdV2Store({ endpoints: [server.endpoint], keepalive, retry: { initialMs: 1, maxMs: 5 } });
  open.push(server, store);
  return { watch: await follow(store, { prefix: '/a/' }), polls, questions: () => questions };
}

test('a poll that waits for long is made anew over another connection, and the watch does not notice', async () => {
  const { watch, polls } = await polled((poll) => (poll === 3 ? put : waitingAt(poll < 3 ? 5 : 6)));
  await watch.until(1);
  expect(watch.told).toEqual(['put /a/x=1']);
  expect(watch.statuses).not.toContain('interrupted');
  expect(new Set(polls.slice(0, 3).map(({ path }) => path))).toEqual(new Set([polls[0]!.path]));
  expect(new Set(polls.slice(0, 3).map(({ connection }) => connection)).size).toBe(3);
});

test('an idle prefix whose index is out of the window of events goes on with the poll that it has', async () => {
  const { watch, polls } = await polled((poll) => (poll === 1 ? WAITING : CLEARED));
  await eventually(() => polls.length > 3);
  expect([watch.error, watch.statuses.includes('interrupted'), watch.watch.state.status]).toEqual([
    undefined,
    false,
    'live',
  ]);
});

test('a renewal that a proxy answers changes nothing', async () => {
  const page: Reply = { status: 404, body: '<html>404</html>' };
  const { watch, polls } = await polled((poll) => (poll === 1 ? WAITING : page));
  await eventually(() => polls.length > 3);
  expect(watch.watch.state.status).toBe('live');
});

test('a member that twice has no leader has polls made anew at once, and what they are told counts', async () => {
  const { watch, polls, questions } = await polled(
    // The first time it may be an election.
    (poll) => (poll === 1 ? WAITING : CLEARED),
    (question) => question % 2 === 0,
  );
  expect((await watch.ended())?.code).toBe('compacted');
  expect(polls.length).toBe(3);
  expect(questions() - polls[0]!.after).toBeLessThan(8);
});
