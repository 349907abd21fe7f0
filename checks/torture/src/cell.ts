/** The etcd versions that the campaign runs against. */
export type EtcdVersion = '3.4.23' | '3.5.16';

/** What one part of the campaign runs on: every fault kind is injected in each cell that it applies to. */
export interface Cell {
  readonly version: EtcdVersion;
  readonly api: 'v3' | 'v2';
  readonly nodes: 1 | 3;
}

export const allCells: readonly Cell[] = (['3.4.23', '3.5.16'] as const).flatMap((version) =>
  (['v3', 'v2'] as const).flatMap((api) => ([1, 3] as const).map((nodes) => ({ version, api, nodes }))),
);

/** For reports, and for `--cell`: `3.5.16/v3/3`. */
export function nameOfCell({ version, api, nodes }: Cell): string {
  return `${version}/${api}/${nodes}`;
}
