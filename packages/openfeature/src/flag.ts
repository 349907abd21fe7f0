import type { FlagMetadata, JsonValue } from '@openfeature/server-sdk';

/** A feature flag as the mirror shows it. It is frozen. */
export interface Flag {
  /** A flag that is not enabled gives the default of the call. */
  readonly enabled: boolean;
  /** Without a value the flag gives the default of the call. */
  readonly value?: JsonValue;
  /** The name of the value, where the flag names its values. */
  readonly variant?: string;
  readonly metadata?: FlagMetadata;
}

/**
 * Makes a flag of the JSON under its key: the option `transform` of a mirror of flags. An object with `variants` is a flag definition in
 * the format of flagd, without targeting; other JSON is the value itself.
 *
 * @throws TypeError the definition is wrong, or has targeting. The mirror makes a problem of it, and goes on to show the last good flag.
 */
export function toFlag(json: unknown): Flag {
  if (json === undefined) throw new TypeError('a flag is a JSON value');
  if (!isObject(json) || !Object.hasOwn(json, 'variants')) return frozen({ enabled: true, value: json as JsonValue });
  const { state = 'ENABLED', variants, defaultVariant, targeting, metadata } = json;
  if (state !== 'ENABLED' && state !== 'DISABLED') {
    throw new TypeError(`state must be ENABLED or DISABLED, not ${JSON.stringify(state)}`);
  }
  if (!isObject(variants)) throw new TypeError('variants must be an object with a value for each variant');
  if (isObject(targeting) && Object.keys(targeting).length > 0) {
    throw new TypeError('targeting is not evaluated here, and without it the flag would have another value: remove it');
  }
  const about = { enabled: state === 'ENABLED', ...(metadata !== undefined && { metadata: toMetadata(metadata) }) };
  if (defaultVariant === undefined || defaultVariant === null) return frozen(about);
  if (typeof defaultVariant !== 'string' || !Object.hasOwn(variants, defaultVariant)) {
    throw new TypeError(
      `defaultVariant must be one of ${Object.keys(variants).join(', ')}, not ${JSON.stringify(defaultVariant)}`,
    );
  }
  return frozen({ ...about, variant: defaultVariant, value: variants[defaultVariant] as JsonValue });
}

function toMetadata(metadata: unknown): FlagMetadata {
  const isPlain = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value);
  if (isObject(metadata) && Object.values(metadata).every(isPlain)) return metadata as FlagMetadata;
  throw new TypeError('metadata must be an object of strings, numbers and booleans');
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** All callers share the mirror's values: none of them can change what the others see. */
function frozen<T>(json: T): T {
  if (typeof json !== 'object' || json === null) return json;
  for (const inner of Object.values(json)) frozen(inner);
  return Object.freeze(json);
}
