/** Loggers that misbehave, for the tests of both adapters: each calls `note` when it is used, or at once if it has no methods. */
export const HOSTILE_LOGGERS: readonly (readonly [what: string, loggerOf: (note: () => void) => object])[] = [
  [
    'throws',
    (note) => {
      const log = () => {
        note();
        throw new Error('the log is full');
      };
      return { debug: log, info: log, warn: log, error: log };
    },
  ],
  [
    'rejects',
    (note) => {
      const log = async () => {
        note();
        throw new Error('the log is full');
      };
      return { debug: log, info: log, warn: log, error: log };
    },
  ],
  [
    'lacks levels',
    (note) => {
      note();
      return {};
    },
  ],
];
