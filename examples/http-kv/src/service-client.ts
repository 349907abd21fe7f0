import { quoted } from '@holdfast/adapter-kit';
import { isStoreError, StoreError } from '@holdfast/store';

/** Calls the service, and says each failure in the words of the contract. */
export class ServiceClient {
  readonly endpoint: string;

  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  async get<T>(path: string, signal: AbortSignal | undefined): Promise<T> {
    return (await this.#call(path, { ...(signal && { signal }) })) as T;
  }

  async post<T>(path: string, body: unknown, signal: AbortSignal | undefined): Promise<T> {
    try {
      const init = { method: 'POST', body: JSON.stringify(body), ...(signal && { signal }) };
      return (await this.#call(path, init)) as T;
    } catch (error) {
      throw isStoreError(error) && error.outcome === undefined ? withOutcome(error) : error;
    }
  }

  async #call(path: string, init: RequestInit): Promise<unknown> {
    try {
      const response = await fetch(`http://${this.endpoint}${path}`, init);
      if (response.ok) return await response.json();
      throw new StoreError(
        response.status < 500 ? 'invalid-argument' : 'unavailable',
        `${this.endpoint} answered ${response.status} for ${path}: ${quoted(await response.text())}; see the service's log`,
      );
    } catch (error) {
      // The caller has given up: its reason is what it waits for.
      if (init.signal?.aborted === true) throw init.signal.reason as Error;
      if (isStoreError(error)) throw error;
      throw new StoreError('unavailable', `${this.endpoint} can't be reached; check that the service runs`, {
        cause: error,
      });
    }
  }
}

/** Nothing was done for certain where no connection was made. After that, who knows. */
function withOutcome(error: StoreError): StoreError {
  const { code } = ((error.cause as Error | undefined)?.cause ?? {}) as { readonly code?: unknown };
  if (error.code !== 'unavailable') return error;
  return new StoreError('unavailable', error.message, {
    cause: error.cause,
    outcome: code === 'ECONNREFUSED' ? 'not-applied' : 'unknown',
  });
}
