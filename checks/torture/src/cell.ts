import { isOfVersion, servesV2 } from '@holdfast/testkit';

/** The etcd versions that the campaign runs against. A series, such as `3.6`, stands for the newest one of it that is there. */
export type EtcdVersion = '3.4.23' | '3.5.16' | '3.5' | '3.6' | '3.7';

/** What one part of the campaign runs on: every fault kind is injected in each cell that it applies to. */
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

/** Those whose version is among the available ones. */
export function cellsOn(versions: readonly string[]): readonly Cell[] {
  return allCells.filter((cell) => versions.some((version) => isOfVersion(version, cell.version)));
}

/** For reports, and for `--cell`: `3.5.16/v3/3`. */
export function nameOfCell({ version, api, nodes }: Cell): string {
  return `${version}/${api}/${nodes}`;
}
