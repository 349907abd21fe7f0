import { expect, test } from '@jest/globals';
import { toRevision, type Clock, type WatchEvent } from '@holdfast/store';
import { boundedHistory, driverLeases, leaseTable, type DriverCall } from '@holdfast/adapter-kit';
import { virtualClock } from '@holdfast/testkit';

const gone = (revision: number, key = '/a'): WatchEvent => ({ type: 'delete', key, revision: toRevision(revision) });

test('a bounded history keeps whole revisions, and says from where on', () => {
  const history = boundedHistory({ maxEvents: 3, identity: 'here' });
  expect(history.head()).toEqual({ identity: 'here', revision: 1 });
  expect(history.changesSince(1)).toEqual({ identity: 'here', head: 1, compacted: 1, events: [] });
  history.append([gone(2), gone(2, '/b')]);
  history.append([gone(3)]);
  expect(history.changesSince(1)).toMatchObject({ head: 3, compacted: 1, events: [gone(2), gone(2, '/b'), gone(3)] });
  expect(history.changesSince(2).events).toEqual([gone(3)]);
  history.append([gone(4)]);
  expect(history.changesSince(2)).toEqual({ identity: 'here', head: 4, compacted: 2, events: [gone(3), gone(4)] });
});

test('a revision with more events than are kept is kept alone', () => {
  const history = boundedHistory({ maxEvents: 1, identity: 'here', revision: 7 });
  history.append([gone(8), gone(8, '/b')]);
  expect(history.changesSince(7)).toMatchObject({ compacted: 7, events: [gone(8), gone(8, '/b')] });
  history.append([gone(9)]);
  expect(history.changesSince(8)).toMatchObject({ head: 9, compacted: 8, events: [gone(9)] });
});

test('events of another revision than the next are refused, and so are wrong options', () => {
  const history = boundedHistory({ maxEvents: 3, identity: 'here' });
  expect(() => {
    history.append([gone(3)]);
  }).toThrow('append() takes the events of revision 2, at least one, and got one of 3');
  expect(() => {
    history.append([]);
  }).toThrow('and got none');
  expect(history.revision).toBe(1);
  expect(() => boundedHistory({ maxEvents: 0, identity: 'here' })).toThrow(/maxEvents/);
  expect(() => boundedHistory({ maxEvents: 3, identity: '' })).toThrow(/identity/);
  expect(() => leaseTable({} as never)).toThrow('leaseTable() needs a function onExpire');
});

test('leases do not keep the process alive', () => {
  const real = virtualClock();
  const [set, released]: [unknown[], unknown[]] = [[], []];
  const clock: Clock = {
    now: () => real.now(),
    setTimeout: (callback, ms) => {
      set.push(real.setTimeout(callback, ms));
      return set.at(-1);
    },
    clearTimeout: (handle) => {
      real.clearTimeout(handle);
    },
    unref: (handle) => released.push(handle),
  };
  const table = leaseTable({ clock, onExpire: () => undefined });
  table.grant(3_600);
  table.grant(60);
  expect(set).toHaveLength(2);
  expect(released).toEqual(set);
  table.close();
  expect(real.pending).toBe(0);
});

test("a lease's keys are named as the table's owner says", async () => {
  const table = leaseTable<{ readonly name: string }>({ onExpire: () => undefined });
  const leases = driverLeases(
    table,
    () => undefined,
    ({ name }) => name,
  );
  const call = { deadline: undefined } as unknown as DriverCall;
  const { id } = await leases.grant(60, undefined, call);
  table.attach(id, { name: '/b' });
  table.attach(id, { name: '/a' });
  expect(await leases.timeToLive(id, { keys: true }, call)).toMatchObject({ keys: ['/a', '/b'] });
  table.close();
});
