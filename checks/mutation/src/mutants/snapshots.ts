import type { Mutant } from '../mutant.js';

const core = (file: string): string => `packages/core/src/${file}.ts`;
const test = (name: string): string => `packages/core/test/${name}.test.ts`;
const FORMAT = test('snapshot-format');
const START = test('warm-start');
const DISASTERS = test('snapshot-disasters');

/** Copies of mirrors that outlive their process, and starts from them. */
export const snapshots: readonly Mutant[] = [
  {
    name: 'snapshot-trusts-torn-bytes',
    why: 'a record of a snapshot is read although its checksum fails',
    file: core('snapshot/frames'),
    find: '=== written ? {',
    replace: '=== written || end > start ? {',
    caughtBy: { test: FORMAT, name: 'a truncated, torn or changed base is refused' },
  },
  {
    name: 'snapshot-lacks-steps-of-its-writing',
    why: 'a base is left without the steps that were made while it was written: it mixes several revisions',
    file: core('snapshot/write-base'),
    find: 'for (const step of queue.take()) frames.push(',
    replace: 'for (const step of queue.take()) if (step.revision < 0) frames.push(',
    caughtBy: { test: test('snapshot-cost'), name: 'steps that come while a base is written' },
  },
  {
    name: 'snapshot-renamed-before-its-sync',
    why: 'a base takes the place of the old one before its bytes last',
    file: core('snapshot/file/file-keeper'),
    find: 'await file.sync();',
    replace: 'await Promise.resolve();',
    caughtBy: { test: FORMAT, name: 'a power failure at any moment' },
  },
  {
    name: 'snapshot-overwritten-by-a-disaster',
    why: 'the snapshot of a wiped store replaces the last good one',
    file: core('snapshot/file/file-keeper'),
    find: 'if (why !== undefined) await this.#keepOld(why);',
    replace: 'if (why === "") await this.#keepOld(why);',
    caughtBy: { test: START, name: 'of another identity: the snapshot is shown' },
  },
  {
    name: 'warm-start-believes-one-answer',
    promise: 'M8',
    why: 'while a snapshot is shown, one answer of a store that is behind makes the mirror take that over',
    file: core('life/confirm-other'),
    find: 'told.answers >= ANSWERS && told.passed() >= OVER_MS',
    replace: 'told.answers >= 1 && told.passed() >= 0',
    caughtBy: { test: START, name: 'one that only seemed so for a moment' },
  },
  {
    name: 'warm-start-loads-another-history',
    promise: 'M8',
    why: 'at a start with a snapshot, a store of another history is loaded as if there were none',
    file: core('life/warm-start'),
    find: 'after: bookmark, ',
    replace: '',
    caughtBy: { test: START, name: 'of another identity: the snapshot is shown' },
  },
  {
    name: 'snapshot-loses-last-good',
    promise: 'M5',
    why: 'the last good value behind a bad one does not survive a restart',
    file: core('snapshot/show-saved'),
    find: 'row, { lastGood, since });',
    replace: 'row, { lastGood: lastGood === -1 ? 0 : undefined, since });',
    caughtBy: { test: START, name: 'it shows the snapshot as of then' },
  },
  {
    name: 'snapshot-saved-too-late',
    why: 'changes wait in memory for minutes before they are in the file',
    file: core('snapshot/file/file-keeper'),
    find: 'return since + this.#saveAfterMs / 4 - now;',
    replace: 'return since + this.#saveAfterMs * 60 - now;',
    caughtBy: { test: test('snapshot-cost'), name: 'twenty minutes of changes' },
  },
  {
    name: 'snapshot-written-by-two',
    why: 'a pid of another container is looked for in this one: a living writer counts as gone',
    file: core('snapshot/file/process-identity'),
    find: 'own.boot !== boot || own.pidSpace !== pidSpace',
    replace: 'own.boot !== boot',
    caughtBy: { test: test('snapshot-writers'), name: 'a pid alone says nothing' },
  },
  {
    name: 'snapshot-takes-marks-of-another-history',
    why: 'a log tells of a revision of another history: after a restart old content passes for that of the new one',
    file: core('snapshot/file/step-log'),
    find: 'this.#queue.isEnded ? undefined :',
    replace: 'this.#queue.weight < 0 ? undefined :',
    caughtBy: { test: DISASTERS, name: 'a wipe while steps are about to be written' },
  },
  {
    name: 'snapshot-of-an-emptied-store-continues',
    why: 'a wiped store that is ahead of the snapshot overwrites it with nothing',
    file: core('snapshot/keeper'),
    find: 'return gone > keys / 2 ?',
    replace: 'return gone > keys ?',
    caughtBy: { test: DISASTERS, name: 'a wiped store that has got further and has no keys' },
  },
  {
    name: 'snapshot-forgets-a-compared-history',
    why: 'what comparing has shown to be another history overwrites the snapshot, since nothing in it contradicts that',
    file: core('snapshot/keeper'),
    find: '(isOther && gone > 0)',
    replace: '(isOther && gone < 0)',
    caughtBy: { test: DISASTERS, name: 'a backup that has got further than the copy' },
  },
  {
    name: 'snapshot-mark-by-number-alone',
    why: 'a suspended writer takes the mark of another one for its own: two write one file',
    file: core('snapshot/file/writer-mark'),
    find: ' && (await this.#isOfThis(path))) return true;',
    replace: ' && path !== "") return true;',
    caughtBy: { test: test('snapshot-writers'), name: 'a mark of the same number is not the own one' },
  },
];
