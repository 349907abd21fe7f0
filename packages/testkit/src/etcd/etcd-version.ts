import { checkText } from '../check.js';

/** `3.4.23` → `[3, 4, 23]`. A missing part is 0: the series `3.6` begins with `3.6.0`. */
function parts(version: string): readonly [number, number, number] {
  checkText(version, 'a version', "'3.5.30'");
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor, patch];
}

/** Less than 0 where `a` is the older version, more than 0 where it is the newer one. Of a pre-release only the numbers count. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  const differing = left.findIndex((part, index) => part !== right[index]);
  return differing === -1 ? 0 : (left[differing] ?? 0) - (right[differing] ?? 0);
}

/** Whether `version` is `minimum` or newer, such as `isAtLeast('3.5.30', '3.6')`. */
export function isAtLeast(version: string, minimum: string): boolean {
  return compareVersions(version, minimum) >= 0;
}

/** Whether `version` is the wanted one, or belongs to the wanted series: `3.5.30` to `3.5`. */
export function isOfVersion(version: string, wanted: string): boolean {
  checkText(version, 'a version', "'3.5.30'");
  checkText(wanted, 'the wanted version', "'3.5.30' or '3.5'");
  return version === wanted || version.startsWith(`${wanted}.`);
}

/** The API of etcd v2 went with 3.6. */
export function servesV2(version: string): boolean {
  return !isAtLeast(version, '3.6');
}
