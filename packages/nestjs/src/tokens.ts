import { Inject } from '@nestjs/common';

/** The token of the store. */
export const HOLDFAST_STORE = Symbol.for('@holdfast/nestjs:store');

/** The token of the mirror of this name. */
export function mirrorToken(name: string): symbol {
  return Symbol.for(`@holdfast/nestjs:mirror:${name}`);
}

/** Injects the store, a `ConfigStore`. */
export function InjectStore(): ParameterDecorator & PropertyDecorator {
  return Inject(HOLDFAST_STORE);
}

/** Injects the mirror of this name. */
export function InjectMirror(name: string): ParameterDecorator & PropertyDecorator {
  return Inject(mirrorToken(name));
}
