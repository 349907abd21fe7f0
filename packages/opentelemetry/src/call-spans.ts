import { context, type Span, SpanKind, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import type { StoreCallEvent } from '@holdfast/store';
import { attributesOf, spanNameOf } from './attributes.js';
import type { Subscriptions } from './subscriptions.js';

/** A span for each call of a store, from its begin to its end. */
export class CallSpans {
  readonly #tracer: () => Tracer;
  readonly #requireParentSpan: () => boolean;
  /** Every call ends, so none stays here. */
  readonly #spans = new Map<StoreCallEvent, Span>();

  constructor(tracer: () => Tracer, requireParentSpan: () => boolean) {
    this.#tracer = tracer;
    this.#requireParentSpan = requireParentSpan;
  }

  subscribe(subscriptions: Subscriptions): void {
    subscriptions.on('tracing:holdfast:store:call:start', (event) => {
      // Mirrors work outside of the span in which they are opened: their calls have no parent.
      if (this.#requireParentSpan() && trace.getSpan(context.active()) === undefined) return;
      const span = this.#tracer().startSpan(spanNameOf(event), {
        kind: SpanKind.CLIENT,
        attributes: attributesOf(event),
      });
      this.#spans.set(event, span);
    });
    subscriptions.on('tracing:holdfast:store:call:asyncEnd', (event) => {
      const span = this.#spans.get(event);
      if (span === undefined) return;
      this.#spans.delete(event);
      span.setAttributes(attributesOf(event));
      span.updateName(spanNameOf(event));
      if (event.outcome !== undefined) span.setAttribute('holdfast.outcome', event.outcome);
      if (event.code !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: event.code });
      span.end();
    });
  }

  /** Ends the spans of calls that are under way: nobody hears of their ends any more. */
  end(): void {
    for (const span of this.#spans.values()) span.end();
    this.#spans.clear();
  }
}
