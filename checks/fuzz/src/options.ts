import type { Ref } from './plan.js';
import type { Words } from './words.js';

type Options = Readonly<Record<string, unknown>>;

/** Options that any call takes. */
export function callOptions({ random }: Words): Options {
  if (random.chance(0.01)) return { signal: { $: 'aborted' } satisfies Ref };
  return random.chance(0.03)
    ? { timeoutMs: random.pick([60_000, 2 ** 31 - 1, 2 ** 31, 0, -1, NaN, Infinity, 1e9]) }
    : {};
}

export function getOptions(words: Words): Options {
  const { random } = words;
  return {
    ...callOptions(words),
    ...(random.chance(0.3) && { revision: words.revision() }),
    ...(random.chance(0.1) && { consistency: random.pick(['linearizable', 'serializable']) }),
  };
}

/** @param sorts the orders that may be asked for: those with ties can be compared only where the whole list is known */
export function listOptions(words: Words, sorts: readonly [string, ...string[]]): Options {
  const { random } = words;
  return {
    ...(random.chance(0.3) && { revision: words.revision() }),
    ...(random.chance(0.4) && { limit: random.pick([1, 1, 2, 3, 5, 1_000, 2 ** 53 - 1, 0]) }),
    ...(random.chance(0.2) && { keysOnly: random.chance(0.9) }),
    ...(random.chance(0.1) && { countOnly: random.chance(0.9) }),
    ...(random.chance(0.25) && { minModRevision: words.revision() }),
    ...(random.chance(0.3) && {
      sort: { target: random.pick(sorts), order: random.pick(['ascend', 'descend']) },
    }),
  };
}

export function scanOptions(words: Words): Options {
  const { random } = words;
  return {
    ...getOptions(words),
    ...(random.chance(0.2) && { keysOnly: random.chance(0.9) }),
    ...(random.chance(0.2) && { minModRevision: words.revision() }),
  };
}

/** Options of a put, in a transaction too, and the value that goes with them. */
export function putOptions(words: Words): { readonly value: string | Uint8Array; readonly options: Options } {
  const { random } = words;
  const ignoreValue = random.chance(0.08);
  const options = {
    ...(random.chance(0.25) && { lease: words.lease() }),
    ...(random.chance(0.4) && { previous: random.chance(0.9) }),
    ...(ignoreValue && { ignoreValue: true }),
    ...(random.chance(0.08) && { ignoreLease: true }),
  };
  return { value: ignoreValue && random.chance(0.9) ? '' : words.value(), options };
}

/** A time to live, and now and then one that there can't be. */
export function ttl({ random, vocabulary }: Words): number {
  return random.pick(random.chance(0.9) ? vocabulary.ttls.good : vocabulary.ttls.bad);
}

/** The condition of a guarded write. Half of those that compare hold. */
export function guard(words: Words, key: string, isDelete: boolean): Options {
  const { random } = words;
  return random.weighted<() => Options>([
    [isDelete ? 0.1 : 2, () => ({ ifAbsent: true })],
    [isDelete ? 0.1 : 2, () => ({ ifPresent: true })],
    [2, () => ({ ifModRevision: { $: 'modRevision', key } satisfies Ref })],
    [1, () => ({ ifModRevision: words.revision() })],
    [2, () => ({ ifValue: words.value() })],
  ])();
}
