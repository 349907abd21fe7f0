import { messageOf } from '@holdfast/adapter-kit';
import { StoreError, type WriteOutcome } from '@holdfast/store';

// What the file system says, in the words of the contract.

/** Whether the file system says that something is not there, also because what was a folder no longer is one. */
export function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ESTALE'].includes(codeOf(error));
}

/** Whether the process or the machine is out of something, and not the file at fault. */
export function isShortage(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'].includes(codeOf(error));
}

export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** Why one file can't be read, as the reason of a problem. */
export function whyUnreadable(error: unknown): string {
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return 'it may not be read by this process: change its permissions';
    case 'ELOOP':
      return 'it is a link that leads back to itself, or became one: replace it by a file';
    default:
      return `it can't be read: ${messageOf(error)}`;
  }
}

/** The folder, or the file with all entries, can't be read. It may be back in a moment: never an empty store. */
export function unavailable(path: string, cause: unknown): StoreError {
  const why = isGone(cause) ? 'is not there' : `can't be read: ${messageOf(cause)}`;
  const advice = isShortage(cause)
    ? 'raise the limit of open files, or close some'
    : 'what was read before stays; check the path, its permissions and its mount';
  return new StoreError('unavailable', `${path} ${why}; ${advice}`, { cause });
}

/** A write that the file system refused. */
export function notWritten(what: string, cause: unknown, outcome: WriteOutcome): StoreError {
  const options = { cause, outcome };
  switch (codeOf(cause)) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StoreError(
        'permission-denied',
        `${what} can't be written: the folder is read-only for this process; change its permissions or its mount`,
        options,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new StoreError(
        'unavailable',
        `${what} can't be written: the disk, or the quota of this user, is full; make room, and write again`,
        { ...options, retryable: false },
      );
    case 'ENAMETOOLONG':
      return new StoreError(
        'too-large',
        `${what} can't be written: its path is too long for this file system; shorten the key, or use a folder with a shorter path`,
        options,
      );
    default:
      return new StoreError('unavailable', `${what} can't be written: ${messageOf(cause)}`, options);
  }
}
