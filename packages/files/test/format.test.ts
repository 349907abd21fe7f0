// cspell:ignore Fapisix Ehidden Abreak outes feff mkfifo
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, test } from '@jest/globals';
import {
  fileOfValue,
  isSameValue,
  keyOfFile,
  pathOf,
  pathsOf,
  readFolder,
  valueOfFile,
  type FileExtension,
} from '@holdfast/files/format';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);
const value = (content: string, extension: FileExtension = '.yaml') =>
  text(valueOfFile(bytes(content), extension).value);

describe('the path of a key', () => {
  test.each([
    ['routes/home', 'routes/home'],
    ['/apisix/routes/1', '%2Fapisix/routes/1'],
    ['a//b', 'a/%2Fb'],
    ['a/', 'a%2F'],
    ['/', '%2F'],
    ['///', '%2F%2F%2F'],
    ['..', '%2E.'],
    ['../../etc/passwd', '%2E%2E/%2E%2E/etc/passwd'],
    ['a/./b', 'a/%2E/b'],
    ['.hidden', '%2Ehidden'],
    ['a.yaml', 'a.yaml'],
    ['a.yaml/b', 'a%2Eyaml/b'],
    ['50%', '50%25'],
    ['a%2Fb', 'a%252Fb'],
    ['host:2379', 'host%3A2379'],
    ['nul', '%6Eul'],
    ['zürich/straße', 'zürich/straße'],
    ['line\nbreak\0', 'line%0Abreak%00'],
    [' a ', '%20a%20'],
    ['copy~/x', 'copy%7E/x'],
  ])('of %j is %s', (key, path) => {
    expect(pathOf(key)).toBe(path);
    for (const extension of ['.yaml', '.yml', '.json', '.txt', '.bin'] as const) {
      expect(keyOfFile(`${path}${extension}`)).toMatchObject({ key, extension });
    }
  });

  test('of any key leads back to it, on a real file system', async () => {
    const units = [
      '/',
      '.',
      '..',
      '%',
      '~',
      '#',
      ' ',
      'a',
      'A',
      'é',
      'é',
      '\u{1f600}',
      '\u{202e}',
      '\0',
      '.yaml',
      'con',
      ':',
      'x'.repeat(260),
    ];
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const keys = [
      ...new Set(
        Array.from({ length: 300 }, () =>
          Array.from({ length: 1 + random(7) }, () => units[random(units.length)]).join(''),
        ),
      ),
    ];
    const folder = makeFolder(
      Object.fromEntries(pathsOf(keys).map((path, index) => [`${path}.txt`, keys[index] as string])),
    );
    const { entries, problems } = await readFolder(folder);
    expect(problems).toEqual([]);
    expect(entries.map(({ key }) => key).sort()).toEqual([...keys].sort());
    for (const entry of entries) expect(text(entry.value)).toBe(entry.key);
  });

  test('of bytes that are no UTF-8 keeps them', () => {
    const raw = Uint8Array.of(0x61, 0x2f, 0xff, 0x00);
    expect(pathOf(raw)).toBe('a/%FF%00');
    expect(keyOfFile('a/%FF%00.bin')).toEqual({ key: undefined, rawKey: raw, extension: '.bin' });
  });

  test('is one that no file system takes for another: upper case, and forms of an accent', () => {
    const keys = ['Routes/a', 'routes/b', 'x/K', 'x/k', 'x/\u{212a}', 'u/é', 'u/e\u{301}', 'plain/Name'];
    const paths = pathsOf(keys);
    expect(paths.slice(0, 2)).toEqual(['%52outes/a', 'routes/b']);
    expect(paths.at(-1)).toBe('plain/Name');
    const folds = paths.map((path) => path.normalize('NFKD').toLowerCase());
    expect(new Set(folds).size).toBe(keys.length);
    expect(paths.map((path) => keyOfFile(`${path}.txt`)?.key)).toEqual(keys);
  });

  test('is too long for some keys, which is a typed error', () => {
    expect(() => pathOf('x'.repeat(5_000))).toThrow(
      expect.objectContaining({ code: 'too-large', outcome: 'not-applied' }),
    );
    expect(() => pathOf('')).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });

  test.each(['.routes.yaml.swp', '..data/a.yaml', '.git/a.json', 'a.yaml~', '#a.yaml#'])('%s is no entry', (path) => {
    expect(keyOfFile(path)).toBeUndefined();
  });

  test.each([
    ['notes.md', /endings .yaml, .yml, .json, .txt and .bin: rename it/],
    ['a%2.yaml', /a % that is no escape: write %25/],
  ])('%s is refused, and the message says what to do', (path, message) => {
    expect(() => keyOfFile(path)).toThrow(message);
  });
});

describe('YAML becomes JSON text', () => {
  test.each([
    ['a: 1\nb: [x, null, true]\n', '{"a":1,"b":["x",null,true]}'],
    ['n: 9007199254740993\nm: -0\nx: 1e400\ny: 1.10\n', '{"n":9007199254740993,"m":-0,"x":1e400,"y":1.10}'],
    ['h: 0x1F\no: 0o17\np: +5\nf: .5\ng: 1.\nz: 007\n', '{"h":31,"o":15,"p":5,"f":0.5,"g":1.0,"z":7}'],
    ['country: no\non: yes\n', '{"country":"no","on":"yes"}'],
    ['day: 2024-01-31\nat: 12:30\n', '{"day":"2024-01-31","at":"12:30"}'],
    ['__proto__: {a: 1}\nconstructor: 2\n', '{"__proto__":{"a":1},"constructor":2}'],
    ['8080: http\ntrue: x\n', '{"8080":"http","true":"x"}'],
    ['base: &b {t: 5, r: 1}\nuse:\n  <<: *b\n  r: 2\n', '{"base":{"t":5,"r":1},"use":{"r":2,"t":5}}'],
    ['a: &x [1]\nb: *x\nc: &x [2]\nd: *x\n', '{"a":[1],"b":[1],"c":[2],"d":[2]}'],
    ['\u{feff}a: 1\r\nb: |\r\n  x\r\n  y\r\n', '{"a":1,"b":"x\\ny\\n"}'],
    ['"quoted": "\\ud800"\n', '{"quoted":"\\ud800"}'],
    ['null\n', 'null'],
    ['just text', '"just text"'],
    ['!!str 5\n', '"5"'],
  ])('%j', (yaml, json) => {
    expect(value(yaml)).toBe(json);
  });

  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 8 }, (_, i) => `b${i}: &b${i} [${`*${i === 0 ? 'a' : `b${i - 1}`},`.repeat(9)}]`).join('\n')}\n`;
  test.each([
    ['', /empty: write a value/],
    ['# only a comment\n', /is empty: write a value, or null/],
    ['---\n', /is empty/],
    ['a: 1\n---\nb: 2\n', /2 YAML documents: a file is one entry/],
    ['a: 1\na: 2\n', /a key twice in one mapping at line 2/],
    ['1: a\n"1": b\n', /a key twice/],
    ['a: {b: 1\n', /no valid YAML: .* at line/],
    ['a:\n\t- b\n', /no valid YAML/],
    ['a: !secret x\n', /no valid YAML: Unresolved tag: !secret at line 1/],
    ['a: !!binary aGk=\n', /a value without a JSON form at line 1: write it as a text/],
    ['%YAML 1.1\n---\na: yes\n', /is read as YAML 1.2: delete that line/],
    ['a: .inf\n', /JSON has no such number/],
    ['a: *b\n', /no valid YAML|without an anchor/],
    ['a: &a [*a]\n', /alias of what is around it/],
    ['a: &a {<<: *a}\n', /merges a mapping into itself|alias of what is around/],
    ['<<: 5\n', /merges \(<<\) something else than mappings/],
    ['? [a]\n: 1\n', /a key that is no text at line 1/],
    ['0x10: a\n', /a key that is no text/],
    ['a: 1\n\0\0\0', /control characters/],
    [bomb, /aliases grow to more than 100000 values/],
    [deep, /nested too deeply|more than 1000 levels/],
  ])('%#: is refused, and the message says what to do', (yaml, message) => {
    expect(() => value(yaml)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(message) }),
    );
  });

  test('never repeats the content of a bad file, which may be a secret', () => {
    expect(() => value('password: "hunter2\n')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
    expect(() => value('{"password": hunter2}', '.json')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  test('tells of words that YAML 1.1 reads as something else', () => {
    expect(valueOfFile(bytes('a: no\nb: "no"\nmode: 0644\n'), '.yaml').doubtful).toEqual([
      'no at line 1',
      '0644 at line 3',
    ]);
  });

  test('one file of 10,000 keys takes no quadratic time', () => {
    const yaml = Array.from({ length: 10_000 }, (_, index) => `k${index}: ${index}`).join('\n');
    expect(Object.keys(JSON.parse(value(yaml)) as object)).toHaveLength(10_000);
  });
});

describe('JSON, text and bytes stay as they are', () => {
  test.each([
    ['{ "b" : 9007199254740993,\n "a": -0 }\n', '.json'],
    ['plain\r\n', '.txt'],
    ['', '.bin'],
  ] as const)('%j in %s', (content, extension) => {
    expect(value(content, extension)).toBe(content);
  });

  test.each([
    ['{"a":1,"a":2}', '.json', /a key twice in one object at line 1/],
    ['{"a":1', '.json', /an end in the middle at line 1, column 7/],
    ['{"a":\n01}', '.json', /no JSON at line 2/],
    ['', '.json', /it is empty/],
    ['', '.txt', /an empty value is an empty file with the ending .bin/],
  ] as const)('%j in %s is refused', (content, extension, message) => {
    expect(() => value(content, extension)).toThrow(message);
  });

  test('JSON loses a byte order mark, and nothing else is UTF-8 that is not', () => {
    expect(value('\u{feff}[1]', '.json')).toBe('[1]');
    expect(() => valueOfFile(Uint8Array.of(0xff, 0xfe, 0x61, 0), '.yaml')).toThrow(/no UTF-8: save it as UTF-8/);
  });
});

describe('a value becomes a file', () => {
  test.each([
    ['{"a":1,"b":["no","x: y"],"c":{}}', '.yaml'],
    ['[]', '.yaml'],
    ['{"__proto__":{"a":1}}', '.yaml'],
    ['{ "a": 1 }', '.json'],
    ['{"a":1}\n', '.json'],
    ['{"n":9007199254740993}', '.json'],
    ['{"n":-0}', '.json'],
    ['{"n":1e400}', '.json'],
    ['{"n":1.0}', '.json'],
    ['{"b":1,"2":1,"1":1}', '.json'],
    ['{"a":1,"a":2}', '.txt'],
    ['{"a":', '.txt'],
    ['5', '.txt'],
    ['"text"', '.txt'],
    ['\u{feff}{"a":1}', '.txt'],
    ['no\0text', '.bin'],
    ['', '.bin'],
    [`{"long":"${'word '.repeat(100)}","multi":"a\\nb\\n","edge":" x ","tab":"\\t"}`, '.yaml'],
  ])('%j in %s, and comes back byte for byte', (json, extension) => {
    const file = fileOfValue(bytes(json));
    expect(file.extension).toBe(extension);
    expect(text(valueOfFile(file.content, file.extension).value)).toBe(json);
    const asJson = fileOfValue(bytes(json), 'json');
    expect(asJson.extension).toBe(extension === '.yaml' ? '.json' : extension);
    expect(text(valueOfFile(asJson.content, asJson.extension).value)).toBe(json);
  });

  test('bytes that are no UTF-8 stay', () => {
    const raw = Uint8Array.of(0xff, 0, 1);
    expect(fileOfValue(raw)).toEqual({ extension: '.bin', content: raw });
  });

  test('words that other readers of YAML take for truth values get quotation marks', () => {
    expect(text(fileOfValue(bytes('{"country":"no"}')).content)).toBe('country: "no"\n');
  });
});

describe('a stored value is what a file says', () => {
  const same = (extension: FileExtension, a: string, b: string) => isSameValue(extension, bytes(a), bytes(b));
  test.each([
    ['{"a":1,"b":[1.0,2e1]}', '{ "b": [1, 20], "a": 1e0 }\n', true],
    ['{"a":9007199254740993}', '{"a":9007199254740992}', false],
    ['{"a":-0}', '{"a":0}', false],
    ['[1,2]', '[2,1]', false],
    ['"\\u0061"', '"a"', true],
    ['{"a":1}', '{"a":1,"a":1}', false],
  ])('%j and %j: %s', (a, b, expected) => {
    expect(same('.yaml', a, b)).toBe(expected);
    expect(same('.txt', a, b)).toBe(false);
  });
});

const work = mkdtempSync(join(tmpdir(), 'holdfast-format-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
let made = 0;

function makeFolder(files: Readonly<Record<string, string>>): string {
  const folder = join(work, `f${(made += 1)}`);
  mkdirSync(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

describe('reading a folder', () => {
  test('names what is no entry, and reads the rest', async () => {
    const folder = makeFolder({
      'routes/home.yaml': 'to: a\n',
      'routes/home.json': '{}',
      'routes/x%2Fy.txt': 'one',
      'routes/x/y.txt': 'two',
      'README.md': '# hello',
      'half.yaml': 'a: {b',
      'large.bin': 'x'.repeat(101),
      'good.json': '{"a":1}',
      '.hidden.yaml': 'a: 1',
    });
    symlinkSync('/etc/hostname', join(folder, 'outside.txt'));
    symlinkSync('good.json', join(folder, 'inside.json'));
    symlinkSync('nowhere.json', join(folder, 'dangling.json'));
    execFileSync('mkfifo', [join(folder, 'pipe.txt')]);
    const { entries, problems } = await readFolder(folder, { maxFileBytes: 100 });
    expect(entries.map(({ key, path }) => [key, path]).sort()).toEqual([
      ['good', 'good.json'],
      ['inside', 'inside.json'],
    ]);
    const reasons = Object.fromEntries(problems.map(({ path, reason }) => [path, reason]));
    expect(reasons).toEqual({
      'README.md': expect.stringMatching(/rename it, or move it away/),
      'dangling.json': expect.stringMatching(/link to nothing/),
      'half.yaml': expect.stringMatching(/no valid YAML/),
      'large.bin': expect.stringMatching(/101 bytes, and 100 are allowed/),
      'outside.txt': expect.stringMatching(/outside of the folder/),
      'pipe.txt': expect.stringMatching(/a device, a pipe or a socket/),
      'routes/home.json': expect.stringMatching(/routes\/home.yaml are both the key "routes\/home"/),
      'routes/x%2Fy.txt': expect.stringMatching(/routes\/x\/y.txt are both the key "routes\/x\/y"/),
    });
  });

  test('a mount of Kubernetes is read from where ..data points', async () => {
    const mount = makeFolder({ '..2024_1/a.yaml': 'v: 1\n', '..2024_1/b.yaml': 'v: 1\n' });
    symlinkSync('..2024_1', join(mount, '..data'));
    for (const name of ['a.yaml', 'b.yaml']) symlinkSync(join('..data', name), join(mount, name));
    expect((await readFolder(mount)).entries).toHaveLength(2);
    mkdirSync(join(mount, '..2024_2'));
    writeFileSync(join(mount, '..2024_2', 'a.yaml'), 'v: 2\n');
    symlinkSync('..2024_2', join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
    const { entries, problems } = await readFolder(mount);
    expect(entries.map((entry) => [entry.key, text(entry.value)])).toEqual([['a', '{"v":2}']]);
    expect(problems).toEqual([]);
  });

  test('one that is not there is an outage, not an empty one', async () => {
    await expect(readFolder(join(work, 'nowhere'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/is not there/),
    });
  });
});
