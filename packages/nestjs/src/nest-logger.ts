import { Logger as NestLogger } from '@nestjs/common';
import type { Logger } from '@holdfast/store';

/** The application's logger in the form that stores and mirrors take. */
export function nestLogger(): Logger {
  const logger = new NestLogger('Holdfast');
  const rest = (details: object | undefined) => (details === undefined ? [] : [details]);
  return {
    debug: (message, details) => logger.debug(message, ...rest(details)),
    info: (message, details) => logger.log(message, ...rest(details)),
    warn: (message, details) => logger.warn(message, ...rest(details)),
    error: (message, details) => logger.error(message, ...rest(details)),
  };
}
