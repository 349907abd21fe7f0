import { isOfVersion, servesV2 } from '@holdfast/testkit';

/** The etcd versions of the campaign. A series, such as `3.6`, stands for its newest available version. */
export type EtcdVersion = '3.4.23' | '3.5.16' | '3.5' | '3.6' | '3.7';

/** One combination on which a part of the campaign runs. Every fault kind is injected in each cell that it applies to. */
export interface Cell {
  readonly version: EtcdVersion;
  readonly api: 'v3' | 'v2';
  readonly nodes: 1 | 3;
}

export const allCells: readonly Cell[] = (['3.4.23', '3.5.16', '3.5', '3.6', '3.7'] as const).flatMap((version) =>
  (servesV2(version) ? (['v3', 'v2'] as const) : (['v3'] as const)).flatMap((api) =>
    ([1, 3] as const).map((nodes) => ({ version, api, nodes })),
  ),
);

/** The cells whose version is available. */
export function cellsOn(versions: readonly string[]): readonly Cell[] {
  return allCells.filter((cell) => versions.some((version) => isOfVersion(version, cell.version)));
}

/** For reports, and for `--cell`: `3.5.16/v3/3`. */
export function nameOfCell({ version, api, nodes }: Cell): string {
  return `${version}/${api}/${nodes}`;
}
