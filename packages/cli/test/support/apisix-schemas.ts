import type { StandardSchemaV1 } from '@holdfast/core';
import { z } from 'zod';

const Plugins = z.record(z.string(), z.looseObject({}));
const Upstream = z.looseObject({
  type: z.string().optional(),
  nodes: z.union([z.record(z.string(), z.number()), z.array(z.looseObject({ host: z.string() }))]).optional(),
  retries: z.int().nonnegative().optional(),
});
const Route = z
  .looseObject({
    uri: z.string().optional(),
    uris: z.array(z.string()).min(1).optional(),
    methods: z.array(z.string()).optional(),
    plugins: Plugins.optional(),
    upstream: Upstream.optional(),
    upstream_id: z.union([z.string(), z.number()]).optional(),
  })
  .refine(({ uri, uris }) => uri !== undefined || uris !== undefined, { message: 'needs uri or uris' });
const Consumer = z.looseObject({ username: z.string().regex(/^\w+$/), plugins: Plugins.optional() });
const Service = z.looseObject({ upstream: Upstream.optional(), plugins: Plugins.optional() });

const KNOWN: Readonly<Record<string, StandardSchemaV1<unknown, object>>> = {
  routes: Route,
  upstreams: Upstream,
  consumers: Consumer,
  services: Service,
};

/** What the values of a collection must be: those without a schema of their own are objects. */
export function schemaOf(collection: string): StandardSchemaV1<unknown, object> {
  return KNOWN[collection] ?? z.looseObject({});
}

/** The value as a mirror shows it, or `undefined` where it must be kept out: asked of zod itself, not of the mirror. */
export function valid(collection: string, json: string): object | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  const result = schemaOf(collection)['~standard'].validate(value);
  if (result instanceof Promise) throw new Error('these schemas are synchronous');
  return result.issues === undefined ? result.value : undefined;
}
