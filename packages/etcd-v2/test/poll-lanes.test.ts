import { describe, expect, test } from '@jest/globals';
import { StoreError } from '@holdfast/store';
import { virtualClock, type VirtualClock } from '@holdfast/testkit';
import { seeds } from '../../../.ci/test/support/sample.js';
import type { V2Event } from '../src/json/codec.js';
import { Permits, PollLanes, type LaneHandlers } from '../src/watch/poll-lanes.js';

/** The history of a server as `v2store` keeps it, and its polls, answered one by one in an order of the test's choice. */
class Server {
  /** Indexes of the range's events. */
  readonly events: number[] = [];
  head = 0;
  oldest = 1;
  readonly polls = new Set<{ from: number; head: number; handlers: LaneHandlers }>();
  most = 0;

  write(own: boolean): void {
    this.head += 1;
    if (own) this.events.push(this.head);
    this.oldest = Math.max(this.oldest, this.head - 999);
  }

  poll(from: number, handlers: LaneHandlers): { abort(): void } {
    const poll = { from, head: this.head, handlers };
    this.polls.add(poll);
    this.most = Math.max(this.most, this.polls.size);
    return { abort: () => void this.polls.delete(poll) };
  }

  /** The polls that have an answer. */
  get answerable() {
    return [...this.polls].filter(({ from }) => this.next(from) !== undefined);
  }

  next(from: number): number | undefined {
    return this.events.find((index) => index >= from);
  }

  answer(poll: { from: number; head: number; handlers: LaneHandlers }): void {
    const index = this.next(poll.from);
    if (index === undefined) throw new Error(`nothing to answer a poll from ${poll.from} with`);
    this.polls.delete(poll);
    poll.handlers.onEvent({ event: eventOf(index), index, head: poll.head });
  }
}

function eventOf(index: number): V2Event {
  return { action: 'set', node: { key: `/${index}`, value: '', modifiedIndex: index, createdIndex: index } };
}

function begin(
  server: Server,
  after: number,
  options: { permits?: Permits; clock?: VirtualClock; wants?: (index: number) => boolean } = {},
) {
  const told: number[] = [];
  const failures: StoreError[] = [];
  const lanes = new PollLanes({
    clock: options.clock ?? virtualClock(),
    permits: options.permits ?? new Permits(31),
    poll: (from, handlers) => server.poll(from, handlers),
    deliver: (_event, index) => {
      told.push(index);
      return options.wants?.(index) ?? true;
    },
    fail: (error) => failures.push(error),
  });
  lanes.start(after);
  return { lanes, told, failures };
}

/** Deterministic numbers in [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39) | 0;
    return ((state >>> 8) & 0xffff) / 0x10000;
  };
}

describe('long polls in several lanes', () => {
  test.each(seeds(0, 60))('tell every event once and in order, whatever answer comes first (seed %i)', (seed) => {
    const random = randomOf(seed * 7919 + 1);
    const server = new Server();
    const density = [1, 0.5, 0.1, 0.01][seed % 4] ?? 1;
    for (let index = 0; index < 900; index += 1) server.write(random() < density);
    const { told } = begin(server, 0);
    for (let step = 0; step < 20_000; step += 1) {
      const { answerable } = server;
      if (answerable.length === 0) {
        if (server.head >= 3_000) break;
        // Not more than the window at once: what is not asked for in time is gone, which is another test.
        for (let more = 0; more < 300; more += 1) server.write(random() < density);
        server.write(true);
        continue;
      }
      server.answer(answerable[Math.floor(random() * answerable.length)]!);
    }
    expect(told).toEqual(server.events);
  });

  test('one that is not behind asks once at a time', () => {
    const server = new Server();
    begin(server, 0);
    for (let count = 0; count < 50; count += 1) {
      server.write(true);
      server.answer([...server.polls][0]!);
    }
    expect(server.most).toBe(1);
  });

  test('one that is behind asks at as many places as it may, and no more', () => {
    const server = new Server();
    for (let index = 0; index < 900; index += 1) server.write(true);
    begin(server, 0, { permits: new Permits(7) });
    while (server.answerable.length > 0) for (const poll of server.answerable) server.answer(poll);
    expect(server.most).toBe(8);
  });

  test('watches of one store share the places: what one has the others do not', () => {
    const permits = new Permits(7);
    const [one, two] = [new Server(), new Server()];
    for (const server of [one, two]) for (let index = 0; index < 900; index += 1) server.write(true);
    const first = begin(one, 0, { permits });
    for (let turn = 0; turn < 5; turn += 1) for (const poll of one.answerable) one.answer(poll);
    expect(one.polls.size).toBe(8);
    const second = begin(two, 0, { permits });
    for (let turn = 0; turn < 5; turn += 1) for (const poll of two.answerable) two.answer(poll);
    expect(two.polls.size).toBe(1);
    first.lanes.stop();
    for (let turn = 0; turn < 5; turn += 1) for (const poll of two.answerable) two.answer(poll);
    expect(two.polls.size).toBe(8);
    second.lanes.stop();
    expect([one.polls.size, two.polls.size]).toEqual([0, 0]);
  });

  test('lanes that wait where nothing comes are given up when it is quiet, and nothing is lost by it', async () => {
    const server = new Server();
    const clock = virtualClock();
    for (let index = 0; index < 20; index += 1) server.write(index < 2);
    const { told } = begin(server, 0, { clock });
    while (server.answerable.length > 0) for (const poll of server.answerable) server.answer(poll);
    expect(server.polls.size).toBeGreaterThan(1);
    for (const { handlers } of server.polls) handlers.onWaiting();
    await clock.advance(1_000);
    expect(server.polls.size).toBe(1);
    expect(clock.pending).toBe(0);
    server.write(true);
    server.answer([...server.polls][0]!);
    expect(told).toEqual(server.events);
  });

  test('lanes whose answers take long are not given up', async () => {
    const server = new Server();
    const clock = virtualClock();
    for (let index = 0; index < 500; index += 1) server.write(true);
    const { told } = begin(server, 0, { clock });
    for (let turn = 0; turn < 6; turn += 1) for (const poll of server.answerable) server.answer(poll);
    const lanes = server.polls.size;
    await clock.advance(2_000);
    expect(server.polls.size).toBe(lanes);
    while (server.answerable.length > 0) for (const poll of server.answerable) server.answer(poll);
    expect(told).toEqual(server.events);
  });

  test('a consumer that wants no more is told no more, and no poll is left', () => {
    const server = new Server();
    for (let index = 0; index < 900; index += 1) server.write(true);
    const { told } = begin(server, 0, { wants: (index) => index < 100 });
    while (server.answerable.length > 0) for (const poll of server.answerable) server.answer(poll);
    expect(told).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(server.polls.size).toBe(0);
  });

  test('the first failure ends all lanes, and is told once', () => {
    const server = new Server();
    for (let index = 0; index < 900; index += 1) server.write(true);
    const { failures } = begin(server, 0);
    for (let turn = 0; turn < 4; turn += 1) for (const poll of server.answerable) server.answer(poll);
    const [first, second] = [...server.polls];
    const error = new StoreError('compacted', 'gone');
    server.polls.delete(first!);
    first?.handlers.onFail(error);
    second?.handlers.onFail(new StoreError('internal', 'too late'));
    expect(failures).toEqual([error]);
    expect(server.polls.size).toBe(0);
  });
});
