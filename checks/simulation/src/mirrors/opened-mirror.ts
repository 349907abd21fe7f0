import {
  type BaseMirror,
  type Change,
  type ChangeEvent,
  type CommonOptions,
  type Entry,
  mirror,
  type Problem,
} from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
import { LIMITS, type MirrorKind, PREFIX } from '../plans/plan.js';
import { codec, thingSchema } from '../plans/values.js';

export type SimChange = Change<unknown> & { readonly collection?: string };
export type SimEvent = ChangeEvent<SimChange>;
type SimMirror = BaseMirror<SimChange>;
interface Entries extends Iterable<[string, Entry<unknown>]> {
  on(name: 'change', listener: (event: SimEvent) => unknown): unknown;
}

/** A mirror of any kind, by whole keys. */
export interface OpenedMirror {
  readonly mirror: SimMirror;
  shown(): Map<string, Entry<unknown>>;
  /** Calls back with the collection's changes, for mirrors with collections. */
  readonly parts: readonly Entries[];
}

/** Whether there is a mirror that is not closed. */
export function isOpen(opened: OpenedMirror | undefined): boolean {
  return opened !== undefined && opened.mirror.state.status !== 'closed';
}

/** The keys that a mirror shows, its range, and the keys in its events. */
export interface Layout {
  readonly claims: (key: string) => boolean;
  /** Whether a key is in the mirror's range, shown or not. */
  readonly inRange: (key: string) => boolean;
  readonly whole: (change: { readonly key?: string; readonly collection?: string }) => string;
}

const COLLECTIONS = { routes: 'routes/', upstreams: 'upstreams/', limits: 'limits' } as const;

export function layoutOf(kind: MirrorKind): Layout {
  switch (kind) {
    case 'key':
      return { claims: (key) => key === LIMITS, inRange: (key) => key === LIMITS, whole: ({ key = '' }) => key };
    case 'routes': {
      const prefix = `${PREFIX}routes/`;
      const inside = (key: string) => key.startsWith(prefix);
      return { claims: inside, inRange: inside, whole: ({ key = '' }) => prefix + key };
    }
    case 'whole': {
      const inside = (key: string) => key.startsWith(PREFIX);
      return { claims: inside, inRange: inside, whole: ({ key = '' }) => PREFIX + key };
    }
    case 'collections':
      return {
        claims: (key) => key.startsWith(`${PREFIX}routes/`) || key.startsWith(`${PREFIX}upstreams/`) || key === LIMITS,
        inRange: (key) => key.startsWith(PREFIX),
        whole: ({ key = '', collection = '' }) => (collection === 'limits' ? PREFIX : `${PREFIX}${collection}/`) + key,
      };
  }
}

export type SimOptions = Omit<CommonOptions<SimChange>, 'onChange'> & {
  readonly onChange: (event: SimEvent) => void;
  /** Called during decoding. */
  readonly onValidate: () => void;
};

/** Opens a mirror of the planned kind. */
export async function openMirror(
  store: ConfigStore,
  kind: MirrorKind,
  { onValidate, onChange, ...options }: SimOptions,
): Promise<OpenedMirror> {
  const schema = thingSchema(onValidate);
  const layout = layoutOf(kind);
  if (kind === 'collections') {
    const collections = {
      routes: { schema },
      upstreams: { schema },
      limits: { key: 'limits', schema },
    };
    const opened = await mirror(store, {
      ...options,
      prefix: PREFIX,
      codec,
      collections,
      onChange: onChange,
    });
    const names = Object.keys(COLLECTIONS);
    const parts = names.map((name) => opened.collections[name as keyof typeof COLLECTIONS]);
    return {
      mirror: opened as unknown as SimMirror,
      parts: parts as unknown as Entries[],
      shown: () => {
        const shown = new Map<string, Entry<unknown>>();
        for (const [index, collection] of names.entries()) {
          for (const [key, entry] of parts[index] as unknown as Entries)
            shown.set(layout.whole({ key, collection }), entry);
        }
        return shown;
      },
    };
  }
  const place = kind === 'key' ? { key: LIMITS } : { prefix: kind === 'routes' ? `${PREFIX}routes/` : PREFIX };
  const opened = await mirror(store, { ...options, ...(place as { prefix: string }), codec, schema, onChange });
  return {
    mirror: opened as unknown as SimMirror,
    parts: [],
    shown: () => {
      const shown = new Map<string, Entry<unknown>>();
      for (const [key, entry] of opened) shown.set(layout.whole({ key }), entry);
      return shown;
    },
  };
}

export type { Problem };
