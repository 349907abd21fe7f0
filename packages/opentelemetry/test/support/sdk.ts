import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { HoldfastInstrumentation, type HoldfastInstrumentationConfig } from '@holdfast/opentelemetry';

export interface Point {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

/**
 * OpenTelemetry's SDK, which keeps what is exported, with the instrumentation registered. With deltas, its default here, a gauge that nobody
 * observes any more has no point.
 */
export class Sdk {
  readonly instrumentation: HoldfastInstrumentation;
  readonly #metrics: InMemoryMetricExporter;
  readonly #reader: PeriodicExportingMetricReader;
  readonly #meterProvider: MeterProvider;
  readonly #spans = new InMemorySpanExporter();
  readonly tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans)] });
  readonly #unload: () => void;

  constructor(config?: HoldfastInstrumentationConfig, temporality = AggregationTemporality.DELTA) {
    this.#metrics = new InMemoryMetricExporter(temporality);
    this.#reader = new PeriodicExportingMetricReader({ exporter: this.#metrics, exportIntervalMillis: 3_600_000 });
    this.#meterProvider = new MeterProvider({ readers: [this.#reader] });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    this.instrumentation = new HoldfastInstrumentation(config);
    this.#unload = registerInstrumentations({
      instrumentations: [this.instrumentation],
      tracerProvider: this.tracerProvider,
      meterProvider: this.#meterProvider,
    });
  }

  /** The points of all metrics by name, as they are exported now. */
  async metrics(): Promise<Map<string, { readonly unit: string; readonly points: readonly Point[] }>> {
    this.#metrics.reset();
    await this.#reader.forceFlush();
    const all = this.#metrics
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    return new Map(
      all.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        {
          unit: descriptor.unit,
          points: (dataPoints as DataPoint<unknown>[]).map(({ attributes, value }) => ({ attributes, value })),
        },
      ]),
    );
  }

  spans() {
    return this.#spans.getFinishedSpans().map(({ name, kind, attributes, status, parentSpanContext }) => ({
      ...{ name, kind, attributes, status },
      parent: parentSpanContext?.spanId,
    }));
  }

  async close(): Promise<void> {
    this.#unload();
    await this.#meterProvider.shutdown();
    await this.tracerProvider.shutdown();
    context.disable();
    trace.disable();
  }
}
