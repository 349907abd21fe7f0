/** The names of a mirror's own members. No collection can have one of them: `state`, `name`, `on`, `close` and the others. */
export type ReservedName =
  | ''
  | 'then'
  | 'collections'
  | ('name' | 'state' | 'health' | 'problems' | 'bookmark' | 'revision' | 'version' | 'asOf' | 'staleSince')
  | ('on' | 'once' | 'off' | 'subscribe' | 'changes' | 'waitFor' | 'sync' | 'close')
  | keyof typeof Object.prototype
  | '__proto__'
  | `__${'define' | 'lookup'}${'Getter' | 'Setter'}__`;
