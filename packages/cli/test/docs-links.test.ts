import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { documentationPages, root } from './support/markdown-sample.js';

/** The relative links of a page that lead nowhere: to no file, or to no anchor of it. */
function brokenLinks(page: string, markdown: string): string[] {
  const links = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', heading] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(root, target))) return true;
    return heading !== undefined && !anchorsOf(target).includes(heading);
  });
}

/** What a link into a page can name: its headings, as they are spelled where Markdown is shown, and `<a id="…">`. */
function anchorsOf(page: string): string[] {
  const markdown = readFileSync(join(root, page), 'utf8');
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text);
  const ids = [...markdown.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id);
  const spelled = headings.map((text) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return [...spelled, ...ids];
}

test.each(documentationPages())('the links of %s lead somewhere', (page) => {
  expect(brokenLinks(page, readFileSync(join(root, page), 'utf8'))).toEqual([]);
});

test('a broken link would be found', () => {
  expect(
    brokenLinks(
      'README.md',
      '[a](docs/nothing.md) [b](#nothing) [c](docs/errors.md#the-codes) [d](#holdfast) [e](docs/glossary.md#slab)',
    ),
  ).toEqual(['docs/nothing.md', '#nothing']);
});
