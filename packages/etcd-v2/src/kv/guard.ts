import { StoreError } from '@holdfast/store';
import { decodeUtf8, type DriverGuard } from '@holdfast/store/adapter';
import type { V2File } from '../json/codec.js';

/** The server's own guards, as parameters of the request. */
export interface NativeGuard {
  readonly prevExist?: 'true' | 'false';
  readonly prevIndex?: string;
  readonly prevValue?: string;
}

/** Whether the guard holds for an existing entry. */
export function holds(guard: DriverGuard, file: V2File): boolean {
  switch (guard.kind) {
    case 'absent':
      return false;
    case 'present':
      return true;
    case 'modRevision':
      return file.modifiedIndex === guard.modRevision;
    case 'value':
      return file.value === toText(guard.value);
    default:
      return guard satisfies never;
  }
}

/** The parameters by which the server checks the guard itself. */
export function native(guard: DriverGuard): NativeGuard {
  switch (guard.kind) {
    case 'absent':
      return { prevExist: 'false' };
    case 'present':
      return { prevExist: 'true' };
    case 'modRevision':
      return { prevIndex: String(guard.modRevision) };
    case 'value':
      return { prevValue: toText(guard.value) };
    default:
      return guard satisfies never;
  }
}

/** A value as the text that v2 keeps. The wrapper has refused stored values that are not text, but guards are unchecked. */
export function toText(value: Uint8Array): string {
  const text = decodeUtf8(value);
  if (text !== undefined) return text;
  throw new StoreError('invalid-argument', 'etcd v2 keeps text only, and the value compared with is not valid UTF-8', {
    outcome: 'not-applied',
  });
}
