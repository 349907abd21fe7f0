import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { availableEtcds, compareVersions, findEtcd, isAtLeast, servesV2 } from '@holdfast/testkit';

const [first, second] = availableEtcds();
const { HOLDFAST_ETCD, PATH } = process.env;

beforeEach(() => {
  delete process.env['ETCD_BIN'];
});

afterEach(() => {
  delete process.env['ETCD_BIN'];
  Object.assign(process.env, { HOLDFAST_ETCD, PATH });
});

describe('which etcd is started', () => {
  test('there is one of each series, and the first one runs everything', () => {
    const series = availableEtcds().map(({ version }) => version.replace(/\.\d+$/, ''));
    expect(['3.5 3.4', '3.5 3.4 3.6 3.7']).toContain(series.join(' '));
    expect(availableEtcds({ api: 'v3' })).toEqual(availableEtcds());
    expect(availableEtcds({ api: 'v2' })).toEqual([first, second]);
  });

  test('none with the v2 API: an error, and not no tests', () => {
    const newer = availableEtcds().find(({ version }) => !servesV2(version));
    if (newer === undefined) return; // Without Go there is none.
    process.env['HOLDFAST_ETCD'] = `${newer.version}=${newer.etcd}`;
    expect(availableEtcds()).toEqual([newer]);
    expect(() => availableEtcds({ api: 'v2' })).toThrow('No etcd with the v2 API found');
  });

  test('the one whose path is given, before any other', () => {
    process.env['ETCD_BIN'] = first!.etcd;
    expect(findEtcd({ bin: second!.etcd })).toEqual(second);
  });

  test('the one of that version', () => {
    expect(findEtcd({ version: second!.version })).toEqual(second);
  });

  test('the newest one of that series, and not of one whose number only begins like it', () => {
    expect(findEtcd({ version: '3.4' })).toEqual(second);
    expect(findEtcd({ version: '3' })).toEqual(availableEtcds().at(-1));
    expect(() => findEtcd({ version: '3.40' })).toThrow('No etcd 3.40 found');
    expect(() => findEtcd({ version: '3.4.2' })).toThrow('No etcd 3.4.2 found');
  });

  test('else the one of ETCD_BIN, else the first of HOLDFAST_ETCD', () => {
    expect(findEtcd({})).toEqual(first);
    process.env['ETCD_BIN'] = second!.etcd;
    expect(findEtcd({})).toEqual(second);
  });

  test('else the one on PATH', () => {
    delete process.env['HOLDFAST_ETCD'];
    process.env['PATH'] = second!.etcd.replace(/\/etcd$/, `:${PATH}`);
    expect(findEtcd({})).toMatchObject({ version: second!.version, etcd: 'etcd' });
  });

  test('none: an error that says what to install, and not fewer tests', () => {
    process.env['HOLDFAST_ETCD'] = '';
    process.env['PATH'] = '/nowhere';
    process.env['ETCD_BIN'] = '/nowhere/etcd';
    expect(() => findEtcd({})).toThrow(/Cannot run \/nowhere\/etcd.*Install etcd/);
    expect(() => availableEtcds()).toThrow(/etcd-server and etcd-client/);
  });

  test('not that version: an error that names those found', () => {
    expect(() => findEtcd({ version: '3.3.1' })).toThrow(/No etcd 3\.3\.1 found, only 3\.5\..*3\.4\.23/);
  });

  test('a HOLDFAST_ETCD that is not what it says is an error', () => {
    process.env['HOLDFAST_ETCD'] = 'nonsense';
    expect(() => availableEtcds()).toThrow('is not VERSION=PATH');
    process.env['HOLDFAST_ETCD'] = `9.9.9=${first!.etcd}`;
    expect(() => availableEtcds()).toThrow(`is etcd ${first!.version}, not 9.9.9`);
  });

  test('a program that is not etcd is an error', () => {
    expect(() => findEtcd({ bin: process.execPath })).toThrow('is not etcd');
  });
});

test('versions are ordered by their numbers, and a series begins with its first', () => {
  const sorted = ['3.6.16', '3.5.9', '3.10.0', '3.5.30', '3.6.2'].sort(compareVersions);
  expect(sorted).toEqual(['3.5.9', '3.5.30', '3.6.2', '3.6.16', '3.10.0']);
  expect([isAtLeast('3.6.0', '3.6'), isAtLeast('3.5.30', '3.6'), isAtLeast('4.0.0', '3.6')]).toEqual([
    true,
    false,
    true,
  ]);
  expect([servesV2('3.5.30'), servesV2('3.6.0-rc.1'), servesV2('3.7.3')]).toEqual([true, false, false]);
});
