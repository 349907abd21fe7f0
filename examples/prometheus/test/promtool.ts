import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '..', '..', '..');

/** The path of promtool, or why there is none. */
export function findPromtool(): { readonly path?: string; readonly why?: string } {
  const { stdout, stderr } = spawnSync(process.execPath, [join(root, '.ci', 'promtool.mjs')], { encoding: 'utf8' });
  const path = stdout.trim();
  return path === '' ? { why: stderr.trim() } : { path };
}

export function promtool(path: string, ...args: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(path, args, { encoding: 'utf8' });
  return { ok: status === 0, output: stdout + stderr };
}
