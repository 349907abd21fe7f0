/** One key and value of a configuration, as they are written to the store. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: string;
}
