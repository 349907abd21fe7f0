import type { DeleteGuard, PutGuard } from '@holdfast/store';

/** The options that name a guard. */
export interface GuardFlags {
  readonly ifAbsent?: true;
  readonly ifPresent?: true;
  readonly ifRevision?: number;
  readonly ifValue?: string;
}

/** The guard that is asked for. The store refuses two of them. A `delete` has only options for its own guards. */
export function guardOf<Guard extends PutGuard | DeleteGuard>({
  ifAbsent,
  ifPresent,
  ifRevision,
  ifValue,
}: GuardFlags): Guard | undefined {
  const given = {
    ...(ifAbsent && { ifAbsent }),
    ...(ifPresent && { ifPresent }),
    ...(ifRevision !== undefined && { ifModRevision: ifRevision }),
    ...(ifValue !== undefined && { ifValue }),
  };
  return Object.keys(given).length === 0 ? undefined : (given as unknown as Guard);
}
