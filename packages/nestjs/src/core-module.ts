import { Module } from '@nestjs/common';
import { HoldfastHealth } from './health.js';
import { Registry } from './registry.js';

/** What all modules of an application share: Nest makes a module that is a class once for each application. */
export class HoldfastCoreModule {}

Module({
  providers: [
    { provide: Registry, useFactory: () => new Registry() },
    { provide: HoldfastHealth, inject: [Registry], useFactory: (registry: Registry) => new HoldfastHealth(registry) },
  ],
  exports: [Registry, HoldfastHealth],
})(HoldfastCoreModule);
