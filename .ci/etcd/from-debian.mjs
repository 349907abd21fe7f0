// etcd from Debian's packages, fetched from the mirror that this machine's apt uses. They are unpacked, not installed: that needs neither
// root nor write access outside the project.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { intoCache, run } from './cache.mjs';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The etcd of a Debian suite as `{ version, binary }`. Throws if the suite has none, or `accepts` refuses its version. */
export async function fromDebian(suite, accepts) {
  return intoCache(suite, accepts, async (work) => {
    mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
    mkdirSync(join(work, 'apt', 'archives', 'partial'), { recursive: true });
    await unpack(await debianMirror(), suite, work);
    return join(work, 'root');
  });
}

async function debianMirror() {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const mirror = stdout.split('\n').find((uri) => /\/debian\/?$/.test(uri));
  if (mirror === undefined) throw new Error("apt's sources name no Debian mirror");
  return mirror;
}

async function unpack(mirror, suite, work) {
  const list = join(work, 'sources.list');
  const signed = existsSync(keyring) ? ` [signed-by=${keyring}]` : '';
  writeFileSync(list, `deb${signed} ${mirror} ${suite} main\n`);
  const options = {
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::Lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'apt'),
    'APT::Sandbox::User': 'root', // The sandbox user could not write into the project.
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const apt = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await run('apt-get', [...apt, '-qq', 'update'], { cwd: work });
  await run('apt-get', [...apt, '-qq', 'download', 'etcd-server', 'etcd-client'], { cwd: work });
  for (const deb of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg', ['-x', deb, 'root'], { cwd: work });
  }
}
