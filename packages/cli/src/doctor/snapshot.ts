import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { SnapshotContent, SnapshotFacts } from '@holdfast/core/file-snapshot';
import { rawKeyText, count, inline, quoted } from '../text/inline.js';
import { snapshotPlace } from '../store/snapshot-file.js';
import { note, ok, problem, type Finding } from './finding.js';

/** Clocks of two machines are never quite the same. */
const AHEAD_MS = 60_000;

/**
 * What is wrong with a mirror's snapshot.
 *
 * @param now milliseconds since the epoch
 */
export async function snapshotFindings(file: string, content: SnapshotContent, now: number): Promise<Finding[]> {
  const { reason, header } = content;
  return [
    ...(header === undefined ? [] : headerFindings(header, now, reason === undefined)),
    ...(reason === undefined
      ? contentFindings(content)
      : [
          problem(
            'snapshot',
            `mirrors refuse it: ${reason}`,
            'Move it away; the mirror writes a new one when it has loaded.',
          ),
        ]),
    ...(await fileFindings(file)),
  ];
}

function headerFindings(header: SnapshotFacts, now: number, isGood: boolean): Finding[] {
  const { bookmark, asOf, format, bytes } = header;
  const of = ok(
    'snapshot',
    `${snapshotPlace(header)}, identity ${bookmark.identity}, revision ${bookmark.revision}; format ${format}, ${(bytes.base + bytes.log).toLocaleString('en')} bytes`,
  );
  if (!isGood) return [of];
  const age = now - asOf;
  const at = new Date(asOf).toISOString();
  if (age >= -AHEAD_MS) return [of, ok('age', `complete as of ${at}, ${ageText(age)} ago`)];
  return [
    of,
    problem(
      'age',
      `complete as of ${at}, which is ${ageText(-age)} ahead of this machine`,
      "Check this machine's clock.",
    ),
  ];
}

function contentFindings({ entries, problems, unclaimed, cut }: SnapshotContent): Finding[] {
  const found = [
    ok(
      'content',
      `${count(entries.length, 'key')}${unclaimed.length === 0 ? '' : `, and ${count(unclaimed.length, 'key')} of no collection`}`,
    ),
  ];
  if (cut !== undefined) found.push(note('content', `its last changes are left out: ${cut}`));
  for (const { key, rawKey, reason, revision } of problems) {
    const name = key === undefined ? rawKeyText(rawKey ?? new Uint8Array()) : quoted(key);
    found.push(
      problem(
        'value',
        `${name} was bad at revision ${revision}: ${reason}`,
        key === undefined
          ? 'Delete the key with the client that made it.'
          : `Mend it in the store: holdfast edit ${inline(key)}`,
      ),
    );
  }
  return found;
}

async function fileFindings(file: string): Promise<Finding[]> {
  const { mode } = await stat(file);
  const found: Finding[] = [];
  if ((mode & 0o077) !== 0 && process.platform !== 'win32') {
    found.push(
      problem(
        'file',
        `others on this machine may read or write it (mode ${(mode & 0o777).toString(8)})`,
        `Take that away: chmod 600 ${inline(file)}`,
      ),
    );
  }
  const kept = (await readdir(dirname(file)))
    .filter((name) => name.startsWith(`${basename(file)}.kept-`) && !name.endsWith('.log'))
    .sort();
  for (const name of kept) {
    found.push(
      problem(
        'file',
        `a former snapshot was kept, since the store looked like another one: ${inline(join(dirname(file), name))}`,
        'Compare the two with "holdfast export --from-snapshot". Remove it, with its .log, when it is not needed.',
      ),
    );
  }
  return found;
}

function ageText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`;
}
