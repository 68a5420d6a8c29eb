import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { ConfigurationListeners, type ConfigurationListener, type ConfigurationReference } from '../configuration/configuration-listeners.js';
import { FunctionChanges } from '../functions/function-changes.js';
import { FunctionsService } from '../functions/functions.service.js';
import { HttpTriggersRepository } from './store/http-triggers.repository.js';

/** Triggers follow the secrets that hold their certificates. */
@Injectable()
export class TriggersConfiguration implements ConfigurationListener, OnModuleInit {
  constructor(
    private readonly listeners: ConfigurationListeners,
    private readonly triggers: HttpTriggersRepository,
    private readonly functions: FunctionsService,
    private readonly changes: FunctionChanges,
  ) {}

  onModuleInit(): void {
    this.listeners.register(this);
  }

  async changed(context: TenantContext, { kind, name }: ConfigurationReference): Promise<void> {
    if (kind !== 'secret') return;
    for (const id of await this.triggers.findFunctionsWithCertificate(context, name)) await this.changes.enqueue(context, id);
  }

  async usersOf(context: TenantContext, { kind, name }: ConfigurationReference): Promise<string[]> {
    if (kind !== 'secret') return [];
    const ids = await this.triggers.findFunctionsWithCertificate(context, name);
    return ids.length === 0 ? [] : [...(await this.functions.namesOf(context, ids)).values()];
  }
}
