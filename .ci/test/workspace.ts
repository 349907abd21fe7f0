import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readSource } from './support/read-source.js';

export const root = join(__dirname, '..', '..');

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readSource(join(root, folder, 'package.json'))) as Manifest;
}

export function workspacePackages(): { folder: string; path: string; manifest: Manifest; hasSources: boolean }[] {
  return ['packages', 'checks'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((folder) => ({
      folder,
      path: `${parent}/${folder}`,
      manifest: readManifest(join(parent, folder)),
      hasSources: existsSync(join(root, parent, folder, 'src')),
    })),
  );
}
