import type { Mutant } from '../mutant.js';

const ALIVE = 'packages/cli/test/robustness/alive.test.ts';
const CLOSED = 'packages/etcd-v3/test/closed-channel.test.ts';

/** What keeps a process alive, and what does not. */
export const processLife: readonly Mutant[] = [
  {
    name: 'unref-ignored-by-watches',
    why: 'a watch with `unref` keeps the process alive',
    file: 'packages/store/src/watch-queue.ts',
    find: 'options.unref ? () => undefined : holdProcess()',
    replace: 'holdProcess()',
    caughtBy: { test: ALIVE, name: 'ends by itself beside mirrors and watches with unref.*: memory' },
  },
  {
    name: 'unref-lost-in-views',
    why: 'a view of a store opens its watches without the `unref` that it was given',
    file: 'packages/store/src/check-watch.ts',
    find: '        ...(unref && { unref }),\n',
    replace: '',
    caughtBy: { test: ALIVE, name: 'ends by itself beside mirrors and watches with unref.*: memory' },
  },
  {
    name: 'open-watch-not-held',
    why: 'a process ends although a watch is open',
    file: 'packages/store/src/watch-queue.ts',
    find: 'options.unref ? () => undefined : holdProcess()',
    replace: '() => undefined',
    caughtBy: { test: ALIVE, name: 'stays as long as a watch is open: memory' },
  },
  {
    name: 'calls-not-held',
    why: 'a process ends while a call to etcd is under way, since no socket keeps it alive',
    file: 'packages/store/src/call.ts',
    find: 'context.driver.keepsProcessAlive === false ? holdDuring(running) : running',
    replace: 'running',
    caughtBy: { test: ALIVE, name: 'for calls under way, beside a mirror with unref: etcd-v3' },
  },
  {
    name: 'unref-ends-a-load',
    why: 'a process ends while a mirror with `unref` is loading',
    file: 'packages/core/src/life/start.ts',
    find: 'const release = holdProcess();',
    replace: 'const release = unref ? () => undefined : holdProcess();',
    caughtBy: { test: ALIVE, name: 'until a mirror with unref has loaded, or says why not: etcd-v3' },
  },
  {
    name: 'unref-undone-by-grpc',
    why: 'the stream of a watch with `unref` makes gRPC keep the process alive by its socket',
    file: 'packages/etcd-common/src/released-socket.ts',
    find: '  socket.ref = () => socket;\n',
    replace: '',
    caughtBy: { test: ALIVE, name: 'ends by itself beside mirrors and watches with unref.*: etcd-v3' },
  },
  {
    name: 'background-clock-keeps-alive',
    why: 'the timers of a mirror with `unref` keep the process alive',
    file: 'packages/store/src/clock.ts',
    find: '      clock.unref?.(handle);\n',
    replace: '',
    caughtBy: { test: ALIVE, name: 'ends by itself beside mirrors and watches with unref.*: memory' },
  },
  {
    name: 'v3-dialled-socket-forgotten',
    why: 'a closed store waits for a connection that was being made, as long as the network swallows its packets',
    file: 'packages/etcd-v3/src/connection/dialled-sockets.ts',
    find: 'mayDial() ? dial(address, onSocket)',
    replace: 'mayDial() ? dial(address, () => undefined)',
    caughtBy: { test: ALIVE, name: 'nothing waits for a connection that is being made: etcd-v3' },
  },
  {
    name: 'v3-closed-channel-dials',
    why: 'a channel that is closed in the turn in which it was made connects nevertheless',
    file: 'packages/etcd-v3/src/connection/dialled-sockets.ts',
    find: 'mayDial() ? dial',
    replace: 'mayDial !== undefined ? dial',
    caughtBy: { test: CLOSED, name: 'while it connects stays closed' },
  },
  {
    name: 'v3-closed-channel-begins-again',
    why: 'such a channel tries to connect for ever: it is held for good, with the timers of its back-off',
    file: 'packages/etcd-v3/src/connection/etcd-channel.ts',
    find: '        this.#shutDown();\n',
    replace: '',
    caughtBy: { test: CLOSED, name: 'while it connects is let go' },
  },
  {
    name: 'postgres-dialled-socket-forgotten',
    why: 'the same on PostgreSQL, and close() waits for it too',
    file: 'packages/postgres/src/connection/connections.ts',
    find: '    this.#sockets.end();\n',
    replace: '',
    caughtBy: { test: ALIVE, name: 'nothing waits for a connection that is being made: postgres' },
  },
  {
    name: 'v2-dialled-socket-forgotten',
    why: 'the same on etcd v2',
    file: 'packages/etcd-v2/src/connection/link.ts',
    find: '    this.#connecting?.destroy(reason);\n',
    replace: '',
    caughtBy: { test: ALIVE, name: 'nothing waits for a connection that is being made: etcd-v2' },
  },
];
