import { Inject } from '@nestjs/common';

/** The token of the store of the module without a name. */
export const HOLDFAST_STORE = Symbol.for('@holdfast/nestjs:store');

/** The token of the store of the module of this name. */
export function storeToken(module?: string): symbol {
  return module === undefined ? HOLDFAST_STORE : Symbol.for(`@holdfast/nestjs:store:${module}`);
}

/** The token of the mirror of this name, in the module of the second name. */
export function mirrorToken(name: string, module?: string): symbol {
  if (module === undefined) return Symbol.for(`@holdfast/nestjs:mirror:${name}`);
  return Symbol.for(`@holdfast/nestjs:mirror-of:${JSON.stringify([module, name])}`);
}

/** Injects the store, a `ConfigStore`, of the module of this name. */
export function InjectStore(module?: string): ParameterDecorator & PropertyDecorator {
  return Inject(storeToken(module));
}

/** Injects the mirror of this name, in the module of the second name. */
export function InjectMirror(name: string, module?: string): ParameterDecorator & PropertyDecorator {
  return Inject(mirrorToken(name, module));
}
