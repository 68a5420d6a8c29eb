import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import type { ConfigurationKind } from './configuration.errors.js';

/** One set, by its kind and name. */
export interface ConfigurationReference {
  kind: ConfigurationKind;
  name: string;
}

/** A domain further right whose things use sets by name. */
export interface ConfigurationListener {
  /** In the transaction that wrote a new value (also the first one): ask for what must follow. */
  changed(context: TenantContext, reference: ConfigurationReference): Promise<void>;
  /** Names of the functions that use the set; the row is locked, so that no new user can come meanwhile. */
  usersOf(context: TenantContext, reference: ConfigurationReference): Promise<string[]>;
}

/** Turned round, so that `configuration` knows none of its users: each registers itself when its module starts. */
@Injectable()
export class ConfigurationListeners {
  private readonly list: ConfigurationListener[] = [];

  register(listener: ConfigurationListener): void {
    this.list.push(listener);
  }

  async changed(context: TenantContext, reference: ConfigurationReference): Promise<void> {
    for (const listener of this.list) await listener.changed(context, reference);
  }

  /** All users, each once, sorted. */
  async usersOf(context: TenantContext, reference: ConfigurationReference): Promise<string[]> {
    const users = new Set<string>();
    for (const listener of this.list) for (const name of await listener.usersOf(context, reference)) users.add(name);
    return [...users].sort();
  }
}
