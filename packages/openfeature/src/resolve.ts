import { ErrorCode, type JsonValue, type ResolutionDetails, StandardResolutionReasons } from '@openfeature/server-sdk';
import type { Mirror } from '@holdfast/core';
import type { Flag } from './flag.js';

/** What a flag can be asked for. An object may be an array. */
export type FlagType = 'boolean' | 'string' | 'number' | 'object';

/** The value of a flag as the mirror shows it now. Never throws. */
export function resolve<T extends JsonValue>(
  mirror: Mirror<Flag> | undefined,
  name: string,
  type: FlagType,
  defaultValue: T,
): ResolutionDetails<T> {
  const failed = (errorCode: ErrorCode, errorMessage: string): ResolutionDetails<T> => ({
    ...{ value: defaultValue, reason: StandardResolutionReasons.ERROR },
    ...{ errorCode, errorMessage },
  });
  if (mirror === undefined) return failed(ErrorCode.PROVIDER_NOT_READY, 'the flags have not been loaded yet');
  const flag = mirror.get(name)?.value;
  if (flag === undefined) {
    const problem = mirror.problems().find(({ key }) => key === name);
    if (problem !== undefined) return failed(ErrorCode.PARSE_ERROR, `the flag ${name} is bad: ${problem.reason}`);
    return failed(ErrorCode.FLAG_NOT_FOUND, `the mirror ${mirror.name} has no flag ${name}`);
  }
  const { enabled, value, variant, metadata: flagMetadata = {} } = flag;
  if (!enabled) return { value: defaultValue, reason: StandardResolutionReasons.DISABLED, flagMetadata };
  if (value === undefined) return { value: defaultValue, reason: StandardResolutionReasons.DEFAULT, flagMetadata };
  if (value === null || typeof value !== type) {
    const found = value === null ? 'null' : typeof value;
    return failed(ErrorCode.TYPE_MISMATCH, `the flag ${name} is of the type ${found}, not ${type}`);
  }
  const isCurrent = mirror.state.status === 'live' && !mirror.problems().some(({ key }) => key === name);
  const reason = isCurrent ? StandardResolutionReasons.STATIC : StandardResolutionReasons.STALE;
  return { value: value as T, ...(variant !== undefined && { variant }), reason, flagMetadata };
}
