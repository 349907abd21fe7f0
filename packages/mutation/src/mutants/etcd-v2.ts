import type { Mutant } from '../mutant.js';

const WATCH = 'packages/etcd-v2/src/watch.ts';
const EVENTS = 'packages/etcd-v2/src/watch-events.ts';
const HISTORY = 'packages/etcd-v2/test/history.test.ts';
const EVENTS_TEST = 'packages/etcd-v2/test/watch-events.test.ts';

/** The etcd v2 adapter. */
export const etcdV2: readonly Mutant[] = [
  {
    name: 'v2-index-header-as-bookmark',
    trap: 1,
    why: "the bookmark moves to the answer's `X-Etcd-Index`, which is the head while older events are still to come",
    file: WATCH,
    find: '          const index = toIndex(event.node.modifiedIndex);',
    replace: '          const index = Math.max(head ?? 0, toIndex(event.node.modifiedIndex));',
    caughtBy: { test: HISTORY, name: 'trap 1: the index of an answer moves no bookmark' },
  },
  {
    name: 'v2-write-sent-again',
    trap: 9,
    why: 'a put whose answer was lost is sent again, and is applied twice',
    file: 'packages/etcd-v2/src/retry.ts',
    find: "  if (kind === 'write' && meaning.outcome !== 'not-applied') return 'fail';",
    replace: "  if (kind === 'write' && !meaning.retryable) return 'fail';",
    caughtBy: {
      test: 'packages/etcd-v2/test/cluster.test.ts',
      name: 'etcd 3.5.16 .*a write whose answer is lost is not sent again',
    },
  },
  {
    name: 'v2-polls-left-behind',
    trap: 15,
    why: 'polls that are not needed any more are forgotten, and not ended: the server keeps a watcher for each',
    file: 'packages/etcd-v2/src/poll-lanes.ts',
    find: '    lane.poll = undefined;\n    poll?.abort();',
    replace: '    lane.poll = poll?.abort && undefined;',
    caughtBy: { test: 'packages/etcd-v2/test/poll-lanes.test.ts', name: 'told no more, and no poll is left' },
  },
  {
    name: 'v2-older-index-unseen',
    trap: 7,
    why: "nobody compares the server's index with the bookmark: after a restore the watch sits silent for ever",
    file: 'packages/etcd-v2/src/history-check.ts',
    find: 'identity === bookmark.identity && (index ?? 0) < bookmark.revision',
    replace: 'identity === bookmark.identity && (index ?? 0) < 0',
    caughtBy: { test: HISTORY, name: 'a bookmark past the head is settled by linearizable reads' },
  },
  {
    name: 'v2-raft-term-unread',
    trap: 17,
    why: 'the cluster id is trusted, and the raft term is not compared: a restore that has overtaken is followed on',
    file: 'packages/etcd-v2/src/history-check.ts',
    find: 'raftTerm < this.#raftTerm && reached !== undefined',
    replace: 'raftTerm < 0 && reached !== undefined',
    caughtBy: { test: HISTORY, name: 'a lower raft term is history-changed' },
  },
  {
    name: 'v2-empty-answer-as-the-end',
    why: 'an empty answer to a long poll, as a server gives that is about to stop, is the end of the watch',
    file: WATCH,
    find: 'if (empty + 1 >= MOST_EMPTY) lane.onFail(emptyAnswers(endpoint));',
    replace: "if (empty >= 0) lane.onFail(new StoreError('internal', 'the watch has ended'));",
    caughtBy: { test: HISTORY, name: 'an empty answer to a poll is asked for again' },
  },
  {
    name: 'v2-hidden-nodes-told',
    why: 'hidden nodes, which live watches leave out, are told when history is replayed',
    file: EVENTS,
    find: '  if (isHidden(key)) return undefined;',
    replace: '  if (isHidden(key) && isReadable(key) && key.length === 0) return undefined;',
    caughtBy: { test: EVENTS_TEST, name: 'is told nothing of hidden nodes' },
  },
  {
    name: 'v2-siblings-told',
    trap: 13,
    why: 'a prefix that ends inside a name is watched from the directory above, and what that brings is not filtered',
    file: EVENTS,
    find: "  if (only === 'delete' || !range.contains(key)) return undefined;",
    replace: "  if (only === 'delete') return undefined;",
    caughtBy: { test: EVENTS_TEST, name: 'trap 13: is told nothing of siblings' },
  },
  {
    name: 'v2-deletion-of-a-sibling-told',
    trap: 13,
    why: 'etcd wakes a history watch of /ab for the deletion of /a, and the adapter passes it on',
    file: EVENTS,
    find: '  const gone = directory.intersect(range);\n  if (gone === undefined) return undefined;',
    replace: '  const gone = directory.intersect(range) ?? directory;',
    caughtBy: { test: EVENTS_TEST, name: 'trap 13: is told nothing of a directory whose name' },
  },
  {
    name: 'v2-directory-over-an-entry',
    why: 'a `set` of a directory over an entry is taken for the making of a directory only: the entry stays',
    file: EVENTS,
    find: '      return prevNode !== undefined && prevNode.dir !== true ?',
    replace: '      return prevNode !== undefined && prevNode.dir === true ?',
    caughtBy: { test: EVENTS_TEST, name: 'is told that an entry is gone whose place a directory takes' },
  },
];
