/** One key and value of a configuration, as it is written into the store. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: string;
}
