import type { Mutant } from '../mutant.js';

const SOURCE = 'packages/files/src/sources/folder-source.ts';
const WALK = 'packages/files/src/folder/walk.ts';
const LIVE = 'packages/files/src/live/live-files.ts';
const STORE = 'packages/files/test/store.test.ts';
const ATTACKS = 'packages/files/test/attacks.test.ts';

/** What a folder of files promises. */
export const files: readonly Mutant[] = [
  {
    name: 'files-half-is-read',
    why: 'a file is read while it is being written: most first halves of YAML are YAML',
    file: SOURCE,
    find: '    return this.#settling.look(look.seen, facts);',
    replace: "    return facts.length < 0 ? this.#settling.look(look.seen, facts) : 'settled';",
    caughtBy: { test: STORE, name: 'a file that is written in place is read when it is whole' },
  },
  {
    name: 'files-replaced-mount-is-half-there',
    why: 'a mount that was replaced is listed while its old folder is taken away, and what is left is taken for all',
    file: WALK,
    find: '  return isSameRoot(await resolveRoot(path), root) ? walked : undefined;',
    replace: '  return isSameRoot(await resolveRoot(path), root) ? walked : walked;',
    caughtBy: { test: STORE, name: "Kubernetes' swaps at all moments of a read are never seen half" },
  },
  {
    name: 'files-swapped-mount-is-unreadable',
    why: 'a mount that is swapped while its files are read is read again, and never to the end where reading takes longer',
    file: SOURCE,
    find: '    const mayHaveChanged = news > 0 && before === undefined && !root.isMount;',
    replace: '    const mayHaveChanged = news > 0 && before === undefined;',
    caughtBy: { test: STORE, name: 'swaps while the files of a mount are read are no reason to read again' },
  },
  {
    name: 'files-unmounted-is-empty',
    why: 'a volume that is not mounted is an empty folder, and a mirror deletes everything',
    file: SOURCE,
    find: '      this.#checkEmptied(look);\n',
    replace: '',
    caughtBy: { test: STORE, name: 'a folder that vanishes is an outage, and nothing is deleted' },
  },
  {
    name: 'files-bad-file-is-a-delete',
    why: 'a file that is saved half deletes its key',
    file: 'packages/files/src/live/live-entries.ts',
    find: 'if (!entries.has(id) && !isKept(source))',
    replace: 'if (!entries.has(id) && (isKept(source) || source))',
    caughtBy: { test: STORE, name: 'a bad file is a problem: its last good value stays' },
  },
  {
    name: 'files-guard-does-not-look',
    why: 'a guarded write decides by what was read some time ago',
    file: LIVE,
    find: '      if (mustLook || !this.#isLoaded) await this.#look();',
    replace: '      if (!this.#isLoaded) await this.#look();',
    caughtBy: { test: STORE, name: 'guards see what others have just done' },
  },
  {
    name: 'files-link-leads-out',
    why: 'a link shows a file outside of the folder, such as a secret',
    file: WALK,
    find: 'if (isLink && !isInside(await realpath(full), this.#root.real)) {',
    replace: 'if (isLink && !isInside(await realpath(full), "/")) {',
    caughtBy: { test: ATTACKS, name: 'a pipe, a link to outside and a huge file' },
  },
  {
    name: 'files-overtaken-write-is-taken-for-own',
    why: 'a file that another writer has replaced at once is taken for the own one, and its value is never read',
    file: 'packages/files/src/write/writer.ts',
    find: "const signature = isSameFile(facts, identity) ? signatureOf(facts) : '';",
    replace: "const signature = isSameFile(facts, identity) || facts ? signatureOf(facts) : '';",
    caughtBy: { test: ATTACKS, name: 'two stores that write the same key at once show the same in the end' },
  },
  {
    name: 'files-put-empties-what-it-keeps',
    why: 'a put that keeps the value writes the empty one',
    file: 'packages/files/src/files-driver.ts',
    find: '  return ignoreValue ? present : value;',
    replace: '  return value;',
    caughtBy: { test: ATTACKS, name: 'what a put is to keep is kept' },
  },
  {
    name: 'files-storm-is-looked-at',
    why: 'a log that is written beside the folder makes the store look at all files again and again',
    file: LIVE,
    find: '    if (folder === idOf(Buffer.from(dirname(path)))) return name === basename(path);',
    replace: '    if (folder === idOf(Buffer.from(dirname(path)))) return true;',
    caughtBy: { test: ATTACKS, name: 'a storm beside the folder' },
  },
  {
    name: 'files-closed-store-waits-on',
    why: 'a write that waits for a folder at rest, or for a mount that hangs, outlives its store',
    file: LIVE,
    find: '      return await abortable(changing, signal);',
    replace: '      return await changing;',
    caughtBy: { test: STORE, name: 'a write that waits when its caller gives up or its store is closed ends at once' },
  },
];
