/** The package, as its metrics and spans name their scope. */
export const NAME = '@holdfast/opentelemetry';
export const VERSION = '0.1.0';
