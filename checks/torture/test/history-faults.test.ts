// Faults that replace or cut history make sure that they did: on servers which don't do what they are told, each says so.
import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '@holdfast/testkit';
import type { Cell } from '../src/cell.js';
import { NotInjected } from '../src/fault.js';
import { historyFaults } from '../src/faults/history/index.js';
import { BEACON } from '../src/keys.js';
import type { World } from '../src/world.js';

const V3: Cell = { version: '3.4.23', api: 'v3', nodes: 1 };
const V2: Cell = { ...V3, api: 'v2' };
const faultOf = (kind: string) => historyFaults.find((fault) => fault.kind === kind)!;

/** Always the same choice, and the shortest while. */
const choosing = (place: number) =>
  ({
    pick: (choices: readonly unknown[]) => choices.at(place),
    chance: () => place > 0,
    between: (low: number) => low,
    next: () => 0.5,
  }) as unknown as Random;

interface FakeServers {
  /** Whether they have another history after they were told to, and other ids if that was meant. */
  readonly replaces?: boolean;
  readonly compacts?: boolean;
}

class FakeWorld {
  readonly calls: string[] = [];
  head = 100;
  id = 'one';
  readonly world: World;

  constructor(cell: Cell, { replaces = false, compacts = false }: FakeServers = {}, endpoint = 'http://127.0.0.1:1') {
    const done = (call: string) => {
      this.calls.push(call);
      return Promise.resolve();
    };
    const replace = (call: string, newId: boolean, head = 10) => {
      if (replaces) this.head = head;
      if (replaces && newId) this.id = 'another';
      return done(call);
    };
    const entry = () => ({ value: `{"n":${this.head},"epoch":0}`, modRevision: this.head, createRevision: 1 });
    const status = () => Promise.resolve({ clusterId: this.id });
    const member = {
      name: 'm1',
      endpoint,
      state: 'running',
      kill: () => done('kill'),
      start: () => done('start'),
      status,
    };
    // At what was written last, as goOn() waits for; and then cut off from the new history.
    const isCutOff = () => this.calls.includes('beginEpoch');
    const mirror = {
      get revision() {
        return isCutOff() ? 1 : Infinity;
      },
      state: { status: 'live' },
    };
    const fake = {
      cell,
      proxies: [{ stall: () => undefined, cut: () => undefined, endpoint }],
      mirrors: [{ name: 'key', mirror }],
      writers: { pause: () => done('pause'), resume: () => void done('resume') },
      truth: { catchUp: () => done('catchUp') },
      disconnect: () => done('disconnect'),
      connect: () => done('connect'),
      beginEpoch: () => done('beginEpoch'),
      outside: {
        held: () => {
          // Somebody writes, unless the history was wiped.
          if (this.head >= 100) this.head += 1;
          return Promise.resolve({ revision: this.head, entries: new Map(this.head === 1 ? [] : [[BEACON, entry()]]) });
        },
      },
      direct: { put: () => Promise.resolve({ revision: (this.head += 100) }) },
      store: { get: () => Promise.resolve(undefined) },
      api: (path: string) => (path === 'kv/range' && compacts ? Promise.reject(new Error('compacted')) : done(path)),
      etcd: {
        members: [member],
        endpoints: [endpoint],
        leader: () => Promise.resolve(member),
        revision: () => Promise.resolve(this.head),
        compact: () => done('compact').then(() => this.head),
        snapshot: () => Promise.resolve(join(tmpdir(), 'holdfast-no-such-snapshot')),
        copyData: () => Promise.resolve(join(tmpdir(), 'holdfast-no-such-copy')),
        restore: (_file: string, options?: { sameToken: boolean }) => replace('restore', options?.sameToken !== true),
        useData: () => replace('useData', false),
        wipe: ({ sameToken }: { sameToken: boolean }) => replace('wipe', !sameToken, 1),
        useVersion: () => undefined,
        put: () => Promise.resolve(this.head),
      },
    };
    this.world = fake as unknown as World;
  }
}

describe.each(['restore-snapshot', 'copied-data', 'overtaken', 'wipe'] as const)('%s', (kind) => {
  test.each([0, -1])(
    'replaces the history between two writes, when all of the old one is known (%i)',
    async (place) => {
      const { world, calls } = new FakeWorld(V3, { replaces: true });
      const injection = await faultOf(kind).inject(world, choosing(place));
      expect(injection).toMatchObject({ replacesHistory: true, details: { to: kind === 'wipe' ? 1 : 10 } });
      const replaced = calls.findIndex((call) => ['restore', 'useData', 'wipe'].includes(call));
      expect(calls.slice(0, replaced).slice(-3)).toEqual(['pause', 'disconnect', 'catchUp']);
      expect(calls.slice(replaced + 1).filter((call) => call !== 'connect')).toEqual(['beginEpoch', 'resume']);
      // Nobody is connected while that is done, but for those who come back at once.
      expect(calls.slice(0, replaced)).not.toContain('connect');
      await injection.heal();
      expect(calls).toContain('connect');
    },
  );

  test('is a failure where the history is what it was', async () => {
    const { world } = new FakeWorld(V3);
    await expect(faultOf(kind).inject(world, choosing(0))).rejects.toThrow('the history was not replaced');
  });
});

describe('compaction', () => {
  test('does not count where the past can still be read; the writers go on', async () => {
    const { world, calls } = new FakeWorld(V3);
    await expect(faultOf('compaction').inject(world, choosing(0))).rejects.toThrow(NotInjected);
    expect(calls).toEqual(['pause', 'catchUp', 'compact', 'kv/range', 'connect', 'resume']);
  });

  test('does not count where a mirror had seen everything', async () => {
    const { world } = new FakeWorld(V3, { compacts: true });
    await expect(faultOf('compaction').inject(world, choosing(1))).rejects.toThrow('had seen revision');
    await expect(faultOf('compaction').inject(world, choosing(0))).resolves.toMatchObject({
      details: { moment: 'connected' },
    });
  });
});

describe('revoked rights', () => {
  test('do not count where the user is still served, and are given back', async () => {
    const { world, calls } = new FakeWorld(V3);
    await expect(faultOf('auth-revocation').inject(world, choosing(0))).rejects.toThrow(NotInjected);
    expect(calls).toEqual(['auth/user/revoke', 'auth/user/grant', 'connect']);
  });
});

describe('with servers that answer', () => {
  let server: Server;

  /** Answers everything alike. */
  async function answering(answer: object): Promise<string> {
    server = createServer((_request, response) => response.end(JSON.stringify(answer)));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test('an upgrade is a failure where a member serves the version that it had', async () => {
    const endpoint = await answering({ etcdserver: '3.4.23' });
    const { world, calls } = new FakeWorld(V3, {}, endpoint);
    await expect(faultOf('upgrade').inject(world, choosing(0))).rejects.toThrow('serves 3.4.23');
    expect(calls).toEqual(['kill', 'start']);
  });

  test('an overrun of etcd v2 does not count where the servers still know what is to be forgotten', async () => {
    const endpoint = await answering({ action: 'set' });
    const { world, calls } = new FakeWorld(V2, {}, endpoint);
    await expect(faultOf('compaction').inject(world, choosing(-1))).rejects.toThrow(NotInjected);
    expect(calls.at(-1)).toBe('connect');
  });
});
