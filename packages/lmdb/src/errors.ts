import { isStoreError, StoreError } from '@holdfast/store';
import { messageOf } from '@holdfast/store/adapter';

// Every failure of this store, in the terms of the contract, beside those of the kit. Those of writes say `not-applied`: what was not committed is not there.

export function historyChanged(): StoreError {
  return new StoreError(
    'history-changed',
    "another store is in the folder since the scan began; read everything again, and watch from that read's bookmark",
  );
}

/** The store may hold no more. As etcd's "database space exceeded": it does not help to try again before there is room. */
export function quotaReached(path: string, used: number, quota: number): StoreError {
  return new StoreError(
    'unavailable',
    `the store in ${path} is full: its data takes ${used} bytes of the ${quota} that quotaBytes allows; delete keys, compact, or raise quotaBytes`,
    { outcome: 'not-applied', retryable: false },
  );
}

export function diskFull(path: string, free: number): StoreError {
  return new StoreError(
    'unavailable',
    `the disk of ${path} is full: ${free} bytes are free, and nothing was written; make room on it, or delete keys and compact`,
    { outcome: 'not-applied', retryable: false },
  );
}

export function folderGone(path: string, cause?: unknown): StoreError {
  return new StoreError('unavailable', `the folder ${path} with the store is gone; put it back where it was`, {
    ...(cause !== undefined && { cause }),
  });
}

export function behindAgain(path: string): StoreError {
  return new StoreError(
    'unavailable',
    `a process that opened ${path} has hidden the newest commit from all others; the file is opened anew`,
  );
}

export function dataReplaced(path: string): StoreError {
  return new StoreError(
    'unavailable',
    `data.mdb in ${path} was replaced while processes have the store open; put the old file back, or stop all of them first, and replace the whole folder`,
  );
}

export function openTwice(path: string, other: string): StoreError {
  return new StoreError(
    'invalid-argument',
    `the store in ${path} is open in this process already, as ${other}; open it by one path, and with one clock`,
  );
}

export function inUseElsewhere(path: string): StoreError {
  return new StoreError(
    'unavailable',
    `the store in ${path} is in use by processes of another pid namespace, such as another container: give all of them one pid namespace, or stop those`,
  );
}

export function emptied(path: string): StoreError {
  return new StoreError(
    'internal',
    `data.mdb in ${path} is empty: it was cut off, or its first process died while it made it; put back a copy of the folder, or delete data.mdb if there was no data`,
  );
}

export function notOurs(path: string, why: string): StoreError {
  return new StoreError(
    'invalid-argument',
    `${path} holds no store of Holdfast: ${why}; name another folder, or an empty one`,
  );
}

export function newerFormat(path: string, found: number, known: number): StoreError {
  return new StoreError(
    'unsupported',
    `the store in ${path} has format ${found}, and this version of @holdfast/lmdb knows format ${known}; update @holdfast/lmdb`,
  );
}

export function closed(): StoreError {
  return new StoreError('closed', 'the store was closed; make another with lmdbStore()');
}

// What the system and LMDB say, by a part of the message: lmdb-js hands on numbers that differ between systems.
const MEANINGS: readonly (readonly [part: RegExp, meaning: (path: string, cause: unknown) => StoreError])[] = [
  [
    /no space left|disc? quota exceeded|file too large|input\/output error|MDB_MAP_FULL/i,
    (path, cause) =>
      new StoreError(
        'unavailable',
        `the disk of ${path} takes no more data (${messageOf(cause)}): make room on it, and look for errors of the disk in the system's log`,
        { cause, retryable: false },
      ),
  ],
  [
    /EACCES|EPERM|permission denied|not permitted/i,
    (path, cause) =>
      new StoreError(
        'permission-denied',
        `this user may not read and write the files in ${path}; change their owner or mode, also of lock.mdb`,
        { cause },
      ),
  ],
  [
    /EROFS|read-only file system/i,
    (path, cause) =>
      new StoreError(
        'permission-denied',
        `${path} is on a read-only file system, and each reader writes to lock.mdb; mount it so that it can be written`,
        { cause },
      ),
  ],
  [/ENOENT|no such file/i, folderGone],
  [/ENOTDIR|not a directory|EEXIST|EISDIR/i, (path) => notOurs(path, 'it is a file, not a folder')],
  [
    /MDB_INVALID|not an LMDB file/i,
    (path) => notOurs(path, 'its data.mdb is no LMDB file, or is damaged at its beginning'),
  ],
  [/MDB_VERSION_MISMATCH/i, (path) => notOurs(path, 'its data.mdb was made by another version of LMDB')],
  [
    /MDB_CORRUPTED|MDB_PAGE_NOTFOUND|MDB_PANIC|MDB_BAD_TXN|MDB_PROBLEM/i,
    (path, cause) =>
      new StoreError(
        'internal',
        `data.mdb in ${path} is damaged (${messageOf(cause)}); stop all processes that use it, and put back a copy of the folder`,
        { cause },
      ),
  ],
  [
    /MDB_READERS_FULL/i,
    (path, cause) =>
      new StoreError('unavailable', `too many processes read ${path}; close stores that are not needed`, { cause }),
  ],
  // A process of another pid namespace has the same number, and so the lock that readers hold by their number.
  [/EAGAIN|resource temporarily unavailable/i, inUseElsewhere],
  [
    /EMFILE|ENFILE|too many open files|ENOMEM|cannot allocate/i,
    (path, cause) =>
      new StoreError('unavailable', `the system gives no more resources to open ${path}: ${messageOf(cause)}`, {
        cause,
      }),
  ],
];

/** A failure of LMDB or of the file system, in the terms of the contract. */
export function toLmdbError(thrown: unknown, path: string): StoreError {
  if (isStoreError(thrown)) return thrown;
  const { code } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as { readonly code?: unknown };
  const said = `${typeof code === 'string' ? code : ''} ${messageOf(thrown)}`;
  for (const [part, meaning] of MEANINGS) if (part.test(said)) return meaning(path, thrown);
  return new StoreError('internal', `the store in ${path} failed: ${messageOf(thrown)}`, { cause: thrown });
}
