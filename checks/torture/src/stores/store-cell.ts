/** A store that people have already, as it is set up in a part of the campaign. */
export const storeCells = ['postgres/18', 'postgres/13', 'postgres/18/pooled', 'lmdb/always', 'lmdb/batched'] as const;

/** `pooled`: behind PgBouncer in transaction mode. `always` and `batched`: when lmdb acknowledges. */
export type StoreCell = (typeof storeCells)[number];

/** The cells whose servers are available. */
export function storeCellsOn(versions: readonly string[], hasPooler: boolean): readonly StoreCell[] {
  return storeCells.filter((cell) => {
    const [store, version = '', pooled] = cell.split('/');
    if (store !== 'postgres') return true;
    return (pooled === undefined || hasPooler) && versions.some((each) => each.split('.')[0] === version);
  });
}
