import { beforeAll, describe, expect, test } from '@jest/globals';
import { hoverTexts, type HoverText } from './support/hover-texts.js';

/** A number of a promise without the page that has it. */
function bareNumbers({ name, text }: HoverText): string[] {
  if (/docs\/(?:contract|mirror)\.md/.test(text)) return [];
  return [...text.matchAll(/\b[MC]\d+\b/g)].map(([id]) => `${name}: ${id}`);
}

/** The names that a text links, writes as code, or writes like a class, and that no user can import or find on a public type. */
function unknownNames({ name, text, parameters }: HoverText, names: ReadonlySet<string>): string[] {
  const links = [...text.matchAll(/\{@link\s+([\w$.]+)/g)].flatMap(([, link = '']) => link.split('.'));
  const code = [...text.matchAll(/`(?:new )?([A-Za-z_$][\w$]*)(?:[.(<[][^`]*)?`/g)].map(([, first = '']) => first);
  const prose = text.replaceAll(/`[^`]*`|\{[^}]*\}|https?:\S+/g, '').match(/\b(?:[A-Z][a-z]+){2,}\b/g) ?? [];
  const ours = [...links, ...code.filter((each) => /[a-z][A-Z]/.test(each)), ...prose];
  return (
    ours
      .filter((each) => !names.has(each) && !parameters.includes(each) && !(each in globalThis) && !KNOWN.has(each))
      // What comes from elsewhere is named with its module.
      .filter(() => !/\bof `node:/.test(text))
      .map((each) => `${name}: ${each}`)
  );
}

/** Names that readers know without us: of etcd, of JavaScript and its tools, of the network. */
const KNOWN = new Set([
  ...['JavaScript', 'TypeScript', 'OpenSSL', 'GitHub', 'StateLeader', 'StateFollower', 'MemberList'],
  ...['passwordFile', 'toClient', 'toServer'],
  // Misspelt on purpose.
  'ifAbsnt',
]);

describe('what an editor shows for a public name can be looked up', () => {
  let texts: readonly HoverText[];
  let names: ReadonlySet<string>;
  beforeAll(() => {
    ({ texts, names } = hoverTexts());
  });

  test('numbers of promises are named with their page', () => {
    expect(texts.flatMap(bareNumbers)).toEqual([]);
  });

  test('names are those that users can import, or find on what they import', () => {
    expect(texts.flatMap((text) => unknownNames(text, names))).toEqual([]);
  });

  test('the check reads every member, and sees what it looks for', () => {
    const read = new Set(texts.map(({ name }) => name));
    expect([...read]).toEqual(
      expect.arrayContaining([
        '@holdfast/store: ConfigStore.put',
        '@holdfast/store: PutOptions.ttl',
        '@holdfast/core: BaseMirror.sync',
        '@holdfast/etcd-v3: EtcdV3Options.limits.maxTxnOperations',
        '@holdfast/testkit: virtualClock',
      ]),
    );
    expect(bareNumbers({ name: 'a', text: '/** Nothing is lost (C10). */', parameters: [] })).toEqual(['a: C10']);
    const text = '/** As {@link Runtime} has it in `CollectionTable`, and the RunLoop in `docs`. */';
    expect(unknownNames({ name: 'a', text, parameters: [] }, names)).toEqual([
      'a: Runtime',
      'a: CollectionTable',
      'a: RunLoop',
    ]);
  });
});
