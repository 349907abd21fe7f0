/** This package's version, for `status()`. A test compares it with package.json. */
export const VERSION = '0.1.0';
