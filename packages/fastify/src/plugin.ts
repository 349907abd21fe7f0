import type { FastifyInstance, FastifyPluginAsync, RegisterOptions } from 'fastify';
import { fastifyPlugin } from 'fastify-plugin';
import { fromPino, StoreError } from '@holdfast/store';
import { checkOptions } from './check-options.js';
import { type Holdfast, holdfastOf } from './holdfast.js';
import { Opened } from './opened.js';
import type { FastifyTools, HoldfastPluginOptions, ReadinessOptions } from './options.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** The store and the mirrors of `@holdfast/fastify`. */
    readonly holdfast: Holdfast;
  }
}

/**
 * Decorates the application with a store and its mirrors: `await app.register(holdfast, { store, mirrors })`. The application is ready when they
 * have loaded. They close after its last request, or with `forceCloseConnections: true` while handlers may still run.
 */
export const holdfast: FastifyPluginAsync<HoldfastPluginOptions> = fastifyPlugin(plugin, {
  name: '@holdfast/fastify',
  fastify: '^5.3.0',
});

async function plugin(app: FastifyInstance, options: HoldfastPluginOptions & RegisterOptions): Promise<void> {
  check(app, options);
  const opened = new Opened();
  app.addHook('onClose', () => opened.close());
  const store = await opened.open(options, toolsOf(app));
  app.decorate('holdfast', holdfastOf(store, opened.mirrors));
  addReadiness(app, options);
}

function check(app: FastifyInstance, options: HoldfastPluginOptions): void {
  checkOptions(options);
  if (app.hasDecorator('holdfast')) {
    throw new StoreError(
      'invalid-argument',
      '@holdfast/fastify is registered already: open all mirrors in one registration, or encapsulate the two',
    );
  }
}

function toolsOf(app: FastifyInstance): Omit<FastifyTools, 'signal'> {
  const { pluginTimeout = 10_000 } = app.initialConfig;
  const startTimeoutMs = pluginTimeout > 0 ? Math.ceil(pluginTimeout * 0.9) : undefined;
  return { logger: fromPino(app.log), startTimeoutMs };
}

/** Fastify applies the options of `register()` only to plugins with a context of their own, which this plugin is not. */
function addReadiness(app: FastifyInstance, options: HoldfastPluginOptions & RegisterOptions): void {
  const { readiness, prefix = '', logLevel, logSerializers } = options;
  if (readiness === undefined) return;
  const { path, maxStaleMs }: ReadinessOptions = typeof readiness === 'string' ? { path: readiness } : readiness;
  const log = { ...(logLevel && { logLevel }), ...(logSerializers && { logSerializers }) };
  app.get(withPrefix(prefix, path), log, (_request, reply) => {
    const health = app.holdfast.health({ maxStaleMs });
    return reply.code(health.ready ? 200 : 503).send(health);
  });
}

function withPrefix(prefix: string, path: string): string {
  const segments = prefix.replace(/^\/+|\/+$/g, '');
  return segments === '' ? path : `/${segments}${path}`;
}
