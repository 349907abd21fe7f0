// etcd built from its Go modules: no other registry here carries 3.6 and 3.7. Each version has a folder beside this file with a go.mod
// and a go.sum, whose checksums pin every source file.
import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { intoCache, programs, run } from './cache.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** The oldest Go that builds them: etcd's modules ask for it. */
export const oldestGo = '1.26';

// `local`: an old Go must not fetch a newer one by itself. Without cgo, no C compiler is needed.
export const goEnvironment = { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', CGO_ENABLED: '0' };

/** The version of the Go on PATH, such as `1.26.8`, or `undefined` if there is none. */
export async function goVersion() {
  try {
    const { stdout } = await run('go', ['version'], { env: goEnvironment });
    return /\bgo(\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/** Whether that Go is new enough. */
export function canBuild(version) {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestGo.split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** Builds a version of etcd with its etcdctl and etcdutl, as `{ version, binary }`. Takes most of a minute on two cores. */
export async function fromGo(version) {
  return intoCache(
    `go-${version}`,
    (made) => made === version,
    async (work) => {
      const folder = join(work, 'root', programs);
      mkdirSync(folder, { recursive: true });
      const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-o', `${folder}/`];
      await run('go', ['build', ...flags, 'tool'], {
        cwd: join(here, version),
        env: goEnvironment,
        maxBuffer: 64 * 1024 * 1024,
      });
      renameSync(join(folder, 'server'), join(folder, 'etcd'));
      return join(work, 'root');
    },
  );
}
