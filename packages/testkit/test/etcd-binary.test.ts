import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { availableEtcds, findEtcd } from '@holdfast/testkit';

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
  test('there are two versions to test against', () => {
    expect(availableEtcds().map(({ version }) => version)).toEqual(['3.4.23', '3.5.16']);
  });

  test('the one whose path is given, before any other', () => {
    process.env['ETCD_BIN'] = first!.etcd;
    expect(findEtcd({ bin: second!.etcd })).toEqual(second);
  });

  test('the one of that version', () => {
    expect(findEtcd({ version: second!.version })).toEqual(second);
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
    expect(() => findEtcd({ version: '3.3.1' })).toThrow(/No etcd 3\.3\.1 found, only 3\.4\.23 .*3\.5\.16/);
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
