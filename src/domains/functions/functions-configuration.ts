import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { ConfigurationListeners, type ConfigurationListener, type ConfigurationReference } from '../configuration/configuration-listeners.js';
import { FunctionChanges } from './function-changes.js';
import { FunctionsRepository } from './store/functions.repository.js';

/** Functions follow the values of the configuration sets and secrets they use. */
@Injectable()
export class FunctionsConfiguration implements ConfigurationListener, OnModuleInit {
  constructor(
    private readonly listeners: ConfigurationListeners,
    private readonly functions: FunctionsRepository,
    private readonly changes: FunctionChanges,
  ) {}

  onModuleInit(): void {
    this.listeners.register(this);
  }

  async changed(context: TenantContext, reference: ConfigurationReference): Promise<void> {
    for (const { id } of await this.functions.findUsers(context, reference)) await this.changes.enqueue(context, id);
  }

  async usersOf(context: TenantContext, reference: ConfigurationReference): Promise<string[]> {
    return (await this.functions.findUsers(context, reference)).map(({ name }) => name);
  }
}
