import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../platform/context/context.js';
import type { WrappedKey } from '../../platform/crypto/key-provider.js';

/** What became of rows that were to be given another key. */
export interface RewrapResult {
  rewrapped: number;
  /** Rows whose data key did not open; they stay as they are. */
  unreadable: number;
}

/** A domain that keeps sealed values of its own, beside those of secrets: few of them. */
export interface SealedHolder {
  /** Ids of the keys that its rows are sealed with; in the open transaction, where there is one. */
  keysInUse(context: SystemContext): Promise<string[]>;
  /** Any data key that `keyId` wrapped. */
  sample(context: SystemContext, keyId: string): Promise<WrappedKey | undefined>;
  /** Gives all rows that `from` wrapped the key `to`. Its rows must refuse a key that is retired, as those of secrets do (`demand_active_key`). */
  rewrap(context: SystemContext, from: string, to: string, signal?: AbortSignal): Promise<RewrapResult>;
}

/** Turned round, so that a rotation of keys reaches what other domains have sealed: each registers itself when its module starts. */
@Injectable()
export class SealedHolders {
  private readonly list: SealedHolder[] = [];

  register(holder: SealedHolder): void {
    this.list.push(holder);
  }

  async keysInUse(context: SystemContext): Promise<string[]> {
    const keys = new Set<string>();
    for (const holder of this.list) for (const id of await holder.keysInUse(context)) keys.add(id);
    return [...keys].sort();
  }

  async sample(context: SystemContext, keyId: string): Promise<WrappedKey | undefined> {
    for (const holder of this.list) {
      const found = await holder.sample(context, keyId);
      if (found) return found;
    }
    return undefined;
  }

  /** All rows of all holders that have another key than `to`. */
  async rewrap(context: SystemContext, to: string, signal?: AbortSignal): Promise<RewrapResult> {
    const total: RewrapResult = { rewrapped: 0, unreadable: 0 };
    for (const holder of this.list) {
      for (const from of (await holder.keysInUse(context)).filter((id) => id !== to)) {
        const { rewrapped, unreadable } = await holder.rewrap(context, from, to, signal);
        total.rewrapped += rewrapped;
        total.unreadable += unreadable;
      }
    }
    return total;
  }
}
