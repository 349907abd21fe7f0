import { type Logger, silentLogger } from '@holdfast/store';

type Details = Readonly<Record<string, unknown>>;

/** A logger whose messages say which mirror they are about: in their text, and in their details as `mirror`. */
export function namedLogger(logger: Logger, name: string): Logger {
  if (logger === silentLogger) return logger;
  const prefix = name === '' ? 'mirror: ' : `mirror ${name}: `;
  const at =
    (level: keyof Logger) =>
    (message: string, details: Details = {}): void => {
      logger[level](prefix + message, { mirror: name, ...details });
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
