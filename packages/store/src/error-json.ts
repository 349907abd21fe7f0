import { messageOf, textOf } from './message-of.js';

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

// Chains of causes are short, and lists of issues may be long: neither may make a log line or a health answer endless.
const DEEPEST = 8;
const MOST = 20;

// What a failure tells, in this order. Nothing else is shown: other properties may hold secrets, such as a request's headers.
const FIELDS = ['name', 'code', 'message', 'endpoint', 'outcome', 'retryable', 'compactRevision', 'revision'];

/**
 * Anything that was thrown, or that a schema found, as plain data that `JSON.stringify` keeps: an error's name, code, message,
 * endpoint, outcome and causes. Never throws, and ends for causes that form a circle.
 */
export function errorToJson(thrown: unknown): Json {
  return toJson(thrown, DEEPEST);
}

function toJson(value: unknown, deep: number): Json {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : textOf(value);
  if (typeof value !== 'object' || deep === 0) return messageOf(value);
  try {
    if (Array.isArray(value)) return value.slice(0, MOST).map((each) => toJson(each, deep - 1));
    return fieldsOf(value, deep);
  } catch {
    // Anything can be thrown, also an object that can't be looked at.
    return messageOf(value);
  }
}

function fieldsOf(value: object, deep: number): Json {
  const given = value as Readonly<Record<string, unknown>>;
  if (typeof given['message'] !== 'string') return textOf(value);
  const fields: Record<string, Json> = {};
  for (const name of FIELDS) {
    const field = given[name];
    if (['string', 'number', 'boolean'].includes(typeof field)) fields[name] = toJson(field, 1);
  }
  // Where in the value a schema found something.
  if (Array.isArray(given['path'])) fields['path'] = given['path'].slice(0, MOST).map(stepOf);
  if (given['cause'] !== undefined) fields['cause'] = toJson(given['cause'], deep - 1);
  // An AggregateError, such as Node's for a host with several addresses, may have no message of its own.
  if (Array.isArray(given['errors'])) fields['errors'] = toJson(given['errors'], deep - 1);
  return fields;
}

function stepOf(step: unknown): Json {
  const key = typeof step === 'object' && step !== null && 'key' in step ? step.key : step;
  return typeof key === 'number' ? key : textOf(key);
}
