import { type MeterProvider, metrics, trace, type TracerProvider } from '@opentelemetry/api';
import { CallSpans } from './call-spans.js';
import { Metrics } from './metrics.js';
import { Subscriptions } from './subscriptions.js';
import { NAME, VERSION } from './version.js';

export interface HoldfastInstrumentationConfig {
  /** Whether it begins as it is made. Default: true. */
  readonly enabled?: boolean;
  /** Makes spans only of calls that have a parent: not of those that mirrors make. Default: false. */
  readonly requireParentSpan?: boolean;
}

/** A provider of tracers, as OpenTelemetry's SDKs have it. */
export interface TracerSource {
  getTracer(name: string, version?: string): object;
}

/** A provider of meters, as OpenTelemetry's SDKs have it. */
export interface MeterSource {
  getMeter(name: string, version?: string): object;
}

/**
 * Metrics and spans of all stores, mirrors and sessions of the process, for the list of instrumentations that an SDK of OpenTelemetry
 * takes. Make it before you open mirrors: those that were open before are seen with their next event. No attribute is a key or a value.
 */
export class HoldfastInstrumentation {
  readonly instrumentationName = NAME;
  readonly instrumentationVersion = VERSION;
  readonly #subscriptions = new Subscriptions();
  readonly #spans: CallSpans;
  readonly #metrics: Metrics;
  #config: HoldfastInstrumentationConfig;
  #tracers: TracerProvider = trace;
  #isEnabled = false;

  constructor(config: HoldfastInstrumentationConfig = {}) {
    this.#config = { enabled: true, ...config };
    this.#spans = new CallSpans(
      () => this.#tracers.getTracer(NAME, VERSION),
      () => this.#config.requireParentSpan === true,
    );
    this.#metrics = new Metrics(metrics.getMeter(NAME, VERSION));
    if (this.#config.enabled === true) this.enable();
  }

  /** Begins to listen. Idempotent. */
  enable(): void {
    if (this.#isEnabled) return;
    this.#isEnabled = true;
    this.#spans.subscribe(this.#subscriptions);
    this.#metrics.subscribe(this.#subscriptions);
  }

  /** Stops listening: then Holdfast pays nothing for it any more. Spans of calls under way end. Idempotent. */
  disable(): void {
    if (!this.#isEnabled) return;
    this.#isEnabled = false;
    this.#subscriptions.end();
    this.#spans.end();
    this.#metrics.end();
  }

  /** Spans go to this provider from now on. Default: the global one. */
  setTracerProvider(provider: TracerSource): void {
    this.#tracers = provider as TracerProvider;
  }

  /** Metrics go to this provider from now on. Default: the global one as it was when this was made. */
  setMeterProvider(provider: MeterSource): void {
    this.#metrics.use((provider as MeterProvider).getMeter(NAME, VERSION));
  }

  setConfig(config: HoldfastInstrumentationConfig): void {
    this.#config = { enabled: true, ...config };
  }

  getConfig(): HoldfastInstrumentationConfig {
    return this.#config;
  }
}
