import { StoreError, type StoreErrorCode } from '@holdfast/store';
import { EXIT } from './exit-code.js';

/** What the command itself has to say, with the next step for the person who reads it. */
export class CommandError extends StoreError {
  readonly exitCode: number;
  readonly next: string;

  constructor(code: StoreErrorCode, exitCode: number, message: string, next: string) {
    super(code, message);
    this.exitCode = exitCode;
    this.next = next;
  }
}

/** The arguments can't be meant so. Nothing was sent. */
export function usage(message: string, next: string): CommandError {
  return new CommandError('invalid-argument', EXIT.usage, message, next);
}

/** A guard did not hold. Nothing was changed. */
export function conflict(message: string, next: string): CommandError {
  return new CommandError('conflict', EXIT.conflict, message, next);
}
