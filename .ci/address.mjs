// The public repository's address is written once, in .ci/repository.json: an https address, or "" while there is none. From it, packing makes
// `repository`, `homepage` and `bugs` of each manifest, and absolute links in each README. Without an address, a link that leaves its package
// becomes plain text: no package has a broken link. `address.mjs apply|restore` is run in a package's folder, before and after `npm pack`.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const addressed = ['package.json', 'README.md'];

/** The address without an ending, or `undefined` while there is none. */
export function repositoryAddress(file = join(root, '.ci', 'repository.json')) {
  const { address } = JSON.parse(readFileSync(file, 'utf8'));
  if (address === '') return undefined;
  if (!/^https:\/\/[^/\s]+\/\S*[^/\s]$/.test(address) || address.endsWith('.git')) {
    throw new Error(
      `.ci/repository.json: write the address as https://HOST/OWNER/NAME, not ${JSON.stringify(address)}`,
    );
  }
  return address;
}

/** A manifest's text with the fields that the address gives. `folder` is relative to the repository, with slashes. */
export function addressedManifest(text, folder, address) {
  if (address === undefined) return text;
  const { name, version, description, ...rest } = JSON.parse(text);
  const fields = {
    homepage: `${address}/tree/HEAD/${folder}#readme`,
    bugs: `${address}/issues`,
    repository: { type: 'git', url: `git+${address}.git`, directory: folder },
  };
  return `${JSON.stringify({ name, version, description, ...fields, ...rest }, null, 2)}\n`;
}

/** A README's text whose relative links are absolute, or plain text without an address. Links within the page stay. */
export function addressedReadme(text, folder, address) {
  return text.replace(/\[((?:[^\][]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g, (link, label, target) => {
    if (/^(?:[a-z]+:|#)/.test(target)) return link;
    if (address === undefined) return label;
    return `[${label}](${address}/blob/HEAD/${posix.join(folder, target)})`;
  });
}

/** Writes the addressed manifest and README of a package's folder into `target`. */
export function writeAddressed(folder, target, address = repositoryAddress()) {
  const [manifest, readme] = addressed.map((name) => readFileSync(join(root, folder, name), 'utf8'));
  writeFileSync(join(target, 'package.json'), addressedManifest(manifest, folder, address));
  writeFileSync(join(target, 'README.md'), addressedReadme(readme, folder, address));
}

const kept = (folder) => join(root, '.cache', 'before-packing', folder);

/** Addresses a package in its own folder, and keeps what was there for {@link restore}. */
export function apply(folder) {
  // It is still addressed if an earlier packing was broken off.
  restore(folder);
  const originals = join(kept(folder), 'original');
  const written = join(kept(folder), 'addressed');
  mkdirSync(originals, { recursive: true });
  mkdirSync(written);
  writeAddressed(folder, written);
  for (const name of addressed) writeFileSync(join(originals, name), readFileSync(join(root, folder, name)));
  for (const name of addressed) writeFileSync(join(root, folder, name), readFileSync(join(written, name)));
}

/** Undoes {@link apply}. Does nothing without it, and to a file that somebody has changed since. */
export function restore(folder) {
  if (!existsSync(kept(folder))) return;
  for (const name of addressed) {
    const [original, written] = ['original', 'addressed'].map((kind) => join(kept(folder), kind, name));
    if (!existsSync(original)) continue;
    const file = join(root, folder, name);
    if (readFileSync(file).equals(readFileSync(written))) writeFileSync(file, readFileSync(original));
  }
  rmSync(kept(folder), { recursive: true });
}

const [script, action] = process.argv.slice(1);
// A release addresses all packages itself, before the first is packed.
if (script === fileURLToPath(import.meta.url) && process.env.HOLDFAST_ADDRESSED === undefined) {
  const folder = relative(root, process.cwd()).replaceAll('\\', '/');
  if (action === 'apply') apply(folder);
  else if (action === 'restore') restore(folder);
  else throw new Error(`address.mjs: say apply or restore, not ${action}`);
}
