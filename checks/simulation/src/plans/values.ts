import { json, type StandardSchemaV1 } from '@holdfast/core';

/** A good value. Every written value has a number of its own. */
export interface Thing {
  readonly n: number;
}

export const codec = json<Thing>();

export function goodText(n: number): string {
  return JSON.stringify({ n });
}

export function unreadableText(n: number): string {
  return `{unreadable ${n}`;
}

/** JSON that is not a {@link Thing}. */
export function invalidText(n: number): string {
  return JSON.stringify({ n: `not a number ${n}` });
}

export function isGood(text: string): boolean {
  return /^\{"n":\d+\}$/.test(text);
}

/** A schema that calls back each time it validates. */
export function thingSchema(onValidate: () => void): StandardSchemaV1<Thing, Thing> {
  return {
    '~standard': {
      version: 1,
      vendor: 'simulation',
      validate: (value) => {
        onValidate();
        const { n } = (value ?? {}) as Partial<Thing>;
        return typeof n === 'number' ? { value: value as Thing } : { issues: [{ message: 'n is not a number' }] };
      },
    },
  };
}
