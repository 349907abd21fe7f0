import { isStoreError } from '@holdfast/store';

/** A call of the process that started this one. */
export interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: {
    readonly code: string | undefined;
    readonly message: string;
    readonly outcome: 'not-applied' | 'unknown' | undefined;
  };
}

/** Answers calls until the caller is gone. */
export function serve(run: (method: string, args: readonly unknown[]) => unknown): void {
  process.on('message', ({ id, method, args }: Call) => {
    void (async () => {
      let answer: Answer;
      try {
        answer = { id, value: await run(method, args) };
      } catch (error) {
        const { code, outcome } = isStoreError(error) ? error : { code: undefined, outcome: undefined };
        answer = { id, error: { code, outcome, message: String(error instanceof Error ? error.message : error) } };
      }
      if (process.connected) process.send?.(answer);
    })();
  });
  process.on('disconnect', () => process.exit());
}
