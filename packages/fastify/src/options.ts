import type { HealthOptions, MirrorHealth } from '@holdfast/core';
import type { ConfigStore, Logger } from '@holdfast/store';

/** Options that come from the application: spread them into those of `mirror()`. Stores take the `logger`. */
export interface FastifyTools {
  /** The application's log. */
  readonly logger: Logger;
  /** Aborts when the application closes, or something else could not be opened. */
  readonly signal: AbortSignal;
  /** A little less than Fastify gives a plugin to start, so that the error says what is wrong with the store. */
  readonly startTimeoutMs?: number | undefined;
}

/** As much of a mirror as the plugin needs: every mirror of `@holdfast/core` fits. */
export interface PluginMirror {
  health(options?: HealthOptions): MirrorHealth;
  close(): Promise<void>;
}

export type OpenMirror = (store: ConfigStore, tools: FastifyTools) => PluginMirror | Promise<PluginMirror>;

export interface ReadinessOptions {
  readonly path: string;
  /** Not ready while a mirror is stale for longer. Default: a mirror stays ready without its store. */
  readonly maxStaleMs?: number | undefined;
}

export interface HoldfastPluginOptions {
  /** A store, which stays the caller's, or a function that opens one, which the plugin closes with the application. */
  readonly store: ConfigStore | ((tools: FastifyTools) => ConfigStore | Promise<ConfigStore>);
  /**
   * Opens the mirrors by name, before the application is ready. The plugin closes them with it, and at once those that open when it is
   * closing already.
   */
  readonly mirrors?: Readonly<Record<string, OpenMirror>> | undefined;
  /**
   * Where the application answers whether all mirrors are ready: 200 or 503, with their health as JSON. Default: nowhere. The
   * prefix, log level and log serializers of the registration apply to this route.
   */
  readonly readiness?: string | ReadinessOptions | undefined;
}
