// cspell:ignore propertys strin
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startEtcd } from '@holdfast/testkit';
import { command, jsonLines, sharedMemory, type CommandOptions } from '../support/command.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-validate-'));
const shared = sharedMemory();
const options: CommandOptions = { ...shared, cwd: folder };

beforeAll(async () => {
  const route = {
    type: 'object',
    required: ['uri'],
    properties: { uri: { type: 'string', format: 'uri-reference' }, port: { $ref: 'port.json' } },
    additionalProperties: false,
  };
  writeFileSync(join(folder, 'route.json'), JSON.stringify(route));
  writeFileSync(join(folder, 'port.json'), JSON.stringify({ type: 'integer', maximum: 65_535 }));
  writeFileSync(
    join(folder, 'config.cjs'),
    `const { json, text } = require(${JSON.stringify(require.resolve('@holdfast/core'))});
    const isRoute = (value) => typeof value?.uri === 'string' ? { value } : { issues: [{ message: 'a string', path: ['uri'] }] };
    module.exports = {
      prefix: '/v/',
      onChange: () => { throw new Error('not called'); },
      collections: {
        routes: { codec: json(), schema: { '~standard': { version: 1, vendor: 'own', validate: isRoute } } },
        motd: { key: 'motd', codec: text(), transform: (value) => { if (value.length > 10) throw new Error('too long'); return value; } },
      },
    };`,
  );
  await shared.store.put('/v/routes/good', '{"uri":"/a","port":80}');
  await shared.store.put('/v/routes/bad', '{"port":99999,"extra":1}');
  await shared.store.put('/v/routes/torn', '{"uri":');
  await shared.store.put('/v/motd', 'much too long a text');
  await shared.store.put('/w/other', '');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('JSON Schema', () => {
  test('names each bad value below its prefix, and exits with 1', async () => {
    const { code, out, err } = await command(['validate', '--schema', '/v/routes/=route.json'], options);
    expect(code).toBe(1);
    expect(out.split('\n')).toEqual([
      `/v/routes/bad\tfails its schema: must have required property 'uri'; must NOT have additional properties ("extra"); port: must be <= 65535`,
      expect.stringMatching(/^\/v\/routes\/torn\tnot readable as JSON: /),
      '',
    ]);
    expect(err).toBe('2 of 3 keys in memory: are bad.\n');
  });

  test('says how many keys it is not about, and exits with 0 where nothing is bad', async () => {
    const { code, out, err } = await command(['validate', '--all', '--schema', '/v/routes/good=route.json'], options);
    expect({ code, out, err }).toEqual({
      code: 0,
      out: '',
      err: 'None of 1 key in memory: is bad. No check is about 4 keys.\n',
    });
  });

  test('takes several, of drafts 7 to 2020-12, and tells of keywords that check nothing', async () => {
    const draft = { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'string' }] };
    writeFileSync(join(folder, 'draft.json'), JSON.stringify(draft));
    writeFileSync(join(folder, 'strange.json'), JSON.stringify({ type: 'object', propertys: {} }));
    const list = sharedMemory();
    await list.store.put('/a', '[1]');
    const args = ['validate', '--all', '--json', '--schema', '/a=draft.json', '--schema', '=strange.json'];
    const { code, out, err } = await command(args, { ...list, cwd: folder });
    expect(code).toBe(1);
    expect(jsonLines(out)).toEqual([
      { key: '/a', reason: 'fails its schema: 0: must be string' },
      { key: '/a', reason: 'fails its schema: must be object' },
    ]);
    expect(jsonLines(err)).toMatchObject([{ warning: expect.stringContaining('propertys') }]);
  });

  test.each([
    ['no file', '/v/', 'PREFIX=FILE'],
    ['a missing file', '/v/=nothing.json', "can't be used"],
    ['no JSON', '/v/=config.cjs', "can't be used"],
    ['a bad schema', '/v/=bad.json', 'type'],
    ['a schema to be fetched', '/v/=remote.json', 'nothing is fetched'],
  ])('with %s is refused', async (_, schema, message) => {
    writeFileSync(join(folder, 'bad.json'), '{"type": "strin"}');
    writeFileSync(join(folder, 'remote.json'), '{"$ref": "https://example.com/schema.json"}');
    const { code, err } = await command(['validate', '--schema', schema], options);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

describe('a configuration', () => {
  test("finds what the application's own mirror would", async () => {
    const { code, out } = await command(['validate', '--config', 'config.cjs', '--json'], options);
    expect(code).toBe(1);
    expect(jsonLines(out)).toEqual([
      { key: '/v/motd', reason: 'its transform threw: too long' },
      { key: '/v/routes/bad', reason: 'fails its schema: uri: a string' },
      { key: '/v/routes/torn', reason: expect.stringMatching(/^not readable as json/) },
    ]);
    const only = await command(['validate', '/v/routes/good', '--config', 'config.cjs'], options);
    expect(only.code).toBe(0);
    const past = await command(['validate', '--config', 'config.cjs', '--revision', '2'], options);
    expect(past).toMatchObject({ code: 0, err: 'None of 1 key in memory: is bad.\n' });
  });

  test.each([
    ['nothing.cjs', '', "can't be loaded"],
    ['none.cjs', 'module.exports = undefined', 'no default'],
    ['empty.cjs', 'module.exports = {}', 'without "prefix" or "key"'],
    ['both.cjs', 'module.exports = { prefix: "a", key: "b" }', 'either prefix'],
    ['throws.cjs', 'throw new Error("own fault")', 'own fault'],
  ])('%s is refused', async (name, text, message) => {
    if (text !== '') writeFileSync(join(folder, name), text);
    const { code, err } = await command(['validate', '--config', name], options);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

test('without a schema there is nothing to check by', async () => {
  expect((await command(['validate', '/v/'], options)).code).toBe(2);
});

test('on etcd, keys that are not UTF-8 are bad too', async () => {
  await using etcd = await startEtcd({ version: '3.6' });
  await etcd.put(Buffer.from([0x2f, 0xff]), '{}');
  await etcd.put('/ok', '{}');
  const env = { HOLDFAST_STORE: etcd.endpoints[0]!.replace('http:', 'etcd-v3:') };
  writeFileSync(join(folder, 'any.json'), '{}');
  const { code, out } = await command(['validate', '--schema', '/=any.json'], { env, cwd: folder });
  expect({ code, out }).toEqual({ code: 1, out: '0x2fff\tthe key is not UTF-8\n' });
});
