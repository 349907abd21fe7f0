import { encodeUtf8 } from '@holdfast/store/adapter';
import { describe, expect, test } from '@jest/globals';
import { bytes, json, text } from '../src/index.js';
import { rawBytes, sameRawValue, toRawValue } from '../src/values/raw-value.js';
import { yaml } from '../src/values/yaml.js';

const BROKEN = Uint8Array.of(0x22, 0xc3, 0x28, 0x22);

describe('codecs', () => {
  test('json', () => {
    expect(json().decode(encodeUtf8('{"a":"ü"}'))).toEqual({ a: 'ü' });
    expect(() => json().decode(encodeUtf8(''))).toThrow(SyntaxError);
    expect(() => json().decode(BROKEN)).toThrow(/not valid UTF-8/);
  });

  test('text never mangles', () => {
    expect(text().decode(encodeUtf8('zoë \u{1F600}'))).toBe('zoë \u{1F600}');
    expect(text().decode(encodeUtf8('\uFEFFbom'))).toBe('\uFEFFbom');
    expect(() => text().decode(BROKEN)).toThrow(/not valid UTF-8/);
  });

  test('bytes are a copy: what they were a view of may go', () => {
    const page = encodeUtf8('abcdef');
    const value = bytes().decode(page.subarray(1, 3));
    page.fill(0);
    expect(value).toEqual(encodeUtf8('bc'));
    expect(value.buffer.byteLength).toBe(2);
  });

  test('yaml', () => {
    expect(yaml().decode(encodeUtf8('routes:\n  - uri: /x\n    weight: 1\n'))).toEqual({
      routes: [{ uri: '/x', weight: 1 }],
    });
    expect(() => yaml().decode(encodeUtf8('a: [1,'))).toThrow();
    expect(() => yaml().decode(BROKEN)).toThrow(/not valid UTF-8/);
    expect(yaml({ schema: 'failsafe' }).decode(encodeUtf8('a: 1'))).toEqual({ a: '1' });
  });

  test.each(['plain ASCII', 'ümlaut', ''])('raw values keep %j as it is', (value) => {
    const view = encodeUtf8(`xx${value}xx`).subarray(2, -2);
    const raw = toRawValue(view);
    expect(typeof raw).toBe(value === 'ümlaut' ? 'object' : 'string');
    expect(Uint8Array.from(rawBytes(raw))).toEqual(encodeUtf8(value));
    expect(sameRawValue(raw, view)).toBe(true);
    expect(sameRawValue(raw, encodeUtf8(`${value}.`))).toBe(false);
    expect(sameRawValue(toRawValue(encodeUtf8('plain ascii')), encodeUtf8('plain ASCII'))).toBe(false);
  });
});
