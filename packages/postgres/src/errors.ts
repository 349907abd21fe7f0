import { isStoreError, StoreError, type StoreErrorCode, type WriteOutcome } from '@holdfast/store';
import { excerpt, messageOf } from '@holdfast/adapter-kit';

// The one translation of what goes wrong in PostgreSQL and on the way to it.

interface Meaning {
  readonly code: StoreErrorCode;
  readonly retryable?: boolean;
  /** What to do. */
  readonly advice?: string;
  /** The server has ended the connection with it. */
  readonly fatal?: boolean;
  /** The same transaction may succeed at once. */
  readonly again?: boolean;
}

const MISSING = "the store's tables are not all there: restore them, or drop the rest of the schema to begin anew";
const EMPTY = "the store's row is missing: wait until its tables are restored, or drop the schema to begin anew";
const STANDBY = 'this server is a standby, or has just become the primary; name the primary in the connection string';

const BY_STATE: Readonly<Record<string, Meaning>> = {
  '28P01': { code: 'unauthenticated', fatal: true, advice: 'check user and password' },
  '28000': { code: 'unauthenticated', fatal: true, advice: 'check the user, and pg_hba.conf' },
  '3D000': {
    code: 'unavailable',
    fatal: true,
    advice: 'create the database, or correct its name in the connection string',
  },
  '42501': {
    code: 'permission-denied',
    advice:
      "the store's role needs USAGE on its schema, and SELECT, INSERT, UPDATE and DELETE on its tables; to create them, CREATE",
  },
  '42P01': { code: 'unavailable', advice: MISSING },
  '42703': { code: 'unavailable', advice: MISSING },
  '3F000': { code: 'unavailable', advice: MISSING },
  // Of the function that puts: the store's row is missing.
  P0002: { code: 'unavailable', advice: EMPTY },
  '25006': {
    code: 'permission-denied',
    advice: 'transactions are read-only here: the server is a standby, or default_transaction_read_only is set',
  },
  '0A000': { code: 'unavailable', advice: STANDBY },
  '55000': { code: 'unavailable', advice: STANDBY },
  '40001': { code: 'unavailable', again: true },
  '40P01': { code: 'unavailable', again: true },
  '55P03': {
    code: 'unavailable',
    advice: "another session holds the store's lock for long: see pg_locks and pg_stat_activity",
  },
  '57014': { code: 'timeout', advice: 'statement_timeout ended the statement, or an administrator did' },
  '25P03': {
    code: 'unavailable',
    fatal: true,
    advice: 'this process was too busy to go on with its transaction in time',
  },
  '25P04': {
    code: 'unavailable',
    fatal: true,
    advice: 'transaction_timeout is shorter than a transaction of the store takes',
  },
  '53100': { code: 'unavailable', advice: "the server's disk is full" },
  '53300': {
    code: 'unavailable',
    fatal: true,
    advice: 'lower maxConnections, raise max_connections of the server, or use a pooler',
  },
  '54000': { code: 'too-large' },
  '22P03': { code: 'internal' },
};

const BY_CLASS: Readonly<Record<string, Meaning>> = {
  '08': { code: 'unavailable', fatal: true },
  '28': { code: 'unauthenticated', fatal: true },
  '53': { code: 'unavailable' },
  '57': { code: 'unavailable', fatal: true },
  '58': { code: 'unavailable' },
};

/** What an error of the server is known by; `undefined` where none came from it. */
export function stateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && typeof severity === 'string' ? code : undefined;
}

function meaningOf(state: string): Meaning {
  return BY_STATE[state] ?? BY_CLASS[state.slice(0, 2)] ?? { code: 'internal' };
}

/** Whether the connection is of no more use: nothing came from the server, or its last word did. */
export function endsConnection(error: unknown): boolean {
  const state = stateOf(error);
  return state === undefined || meaningOf(state).fatal === true;
}

/** Whether the same transaction may succeed when it is made again at once. */
export function mayRepeat(error: unknown): boolean {
  const state = stateOf(error);
  return state !== undefined && meaningOf(state).again === true;
}

/** Whether the role may not do it, or nobody may write here. */
export function isRefusal(error: unknown): boolean {
  return ['42501', '25006'].includes(stateOf(error) ?? '') && !isOfStandby(error);
}

/** Whether a standby refused to write. It may be the primary in a moment. The message may be in any language. */
function isOfStandby(error: unknown): boolean {
  return stateOf(error) === '25006' && routineOf(error) === 'PreventCommandDuringRecovery';
}

/** The function of the server that raised an error. */
function routineOf(error: unknown): unknown {
  return (error as { routine?: unknown } | undefined)?.routine;
}

/** Whether it is a mistake of this package, or of what it was given: the connection has nothing to do with it. */
export function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError;
}

/** Whether the queue of notifications is full, so that nobody can be told anything. */
export function isQueueFull(error: unknown): boolean {
  return stateOf(error) === '54000' && (routineOf(error) === 'PreCommit_Notify' || /queue/i.test(messageOf(error)));
}

/** Whether nobody knows what became of a commit: the connection was lost, or the server crashed in it. */
export function isUnanswered(error: unknown): boolean {
  return endsConnection(error) || (error as { severity?: unknown }).severity === 'PANIC';
}

// The server's functions about itself are missing, or not for everybody, in some hosted databases.
export function isNotOffered(error: unknown): boolean {
  return ['42501', '42883', '0A000'].includes(stateOf(error) ?? '');
}

const LONGEST = 400;

/** @param outcome of a write */
export function toError(error: unknown, endpoint: string, outcome?: WriteOutcome): StoreError {
  if (isStoreError(error)) return error;
  const said = excerpt(saidBy(error), LONGEST);
  const state = stateOf(error);
  // Not the error itself: those of a pool carry the client, and with it what it signed in with.
  const cause = Object.assign(new Error(said), state === undefined ? {} : { code: state });
  const { code, advice, retryable }: Meaning =
    state !== undefined
      ? meaningOf(isOfStandby(error) ? '0A000' : state)
      : isBug(error)
        ? { code: 'internal' as const }
        : connectionMeaning(said);
  const message = `${endpoint}: ${said}${state === undefined ? '' : ` (SQLSTATE ${state})`}${advice === undefined ? '' : `; ${advice}`}`;
  return new StoreError(code, message, { endpoint, cause, outcome, ...(retryable !== undefined && { retryable }) });
}

/** Of a name with several addresses, Node says each failure, and nothing itself. */
function saidBy(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return messageOf(error);
}

function connectionMeaning(said: string): Meaning {
  if (/client password must be a (?:non-empty )?string/.test(said)) {
    return { code: 'unauthenticated', advice: 'the server asks for a password, and none is given' };
  }
  if (/does not support SSL/.test(said)) {
    return { code: 'unavailable', retryable: false, advice: 'switch TLS on at the server, or leave it out here' };
  }
  if (/self.signed certificate|unable to (?:verify|get)|altnames|certificate has expired/i.test(said)) {
    return { code: 'unavailable', retryable: false, advice: 'give the authority of its certificate as tls.ca' };
  }
  return { code: 'unavailable' };
}

/** Tables have no rows while they are restored, and for a reader whose snapshot is older than that. */
export function emptyTables(): StoreError {
  return new StoreError('unavailable', EMPTY);
}

export function historyChanged(): StoreError {
  return new StoreError('history-changed', 'another server took over while the range was read; read it again');
}

export function newerFormat(schema: string, format: number, known: number): StoreError {
  return new StoreError(
    'unsupported',
    `the tables in schema ${JSON.stringify(schema)} have format ${format}, and this version of @holdfast/postgres knows up to ${known}; upgrade it`,
  );
}
