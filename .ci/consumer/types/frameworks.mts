import type { DynamicModule } from '@nestjs/common';
import { OpenFeature } from '@openfeature/server-sdk';
import { json, mirror, type Mirror } from '@holdfast/core';
import { holdfast } from '@holdfast/fastify';
import { memoryStore } from '@holdfast/memory';
import { HoldfastModule } from '@holdfast/nestjs';
import { HoldfastProvider } from '@holdfast/openfeature';
import { fastify } from 'fastify';

declare module '@holdfast/fastify' {
  interface HoldfastMirrors {
    readonly routes: Mirror<string>;
  }
}

const store = memoryStore();

export async function start(): Promise<string | undefined> {
  const app = fastify();
  await app.register(holdfast, {
    store,
    mirrors: { routes: (from, tools) => mirror(from, { ...tools, prefix: '/routes/', codec: json<string>() }) },
  });
  await OpenFeature.setProviderAndWait(new HoldfastProvider({ store, prefix: '/flags/' }));
  return app.holdfast.mirrors.routes.get('a')?.value;
}

export const imported: DynamicModule = HoldfastModule.forRoot({
  store: ({ logger }) => memoryStore({ logger }),
  mirrors: { routes: (from, tools) => mirror(from, { ...tools, prefix: '/routes/', codec: json<string>() }) },
});
