import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import type { SpendReached } from './tenant-state.js';

/** What a participant's part of a tenant's life came to. */
export type ParticipantResult = { done: true } | { done: false; reason: string; message: string; retryAfterMs: number };
export const PARTICIPANT_DONE: ParticipantResult = { done: true };

/** The facts of a tenant that participants may build on. */
export interface TenantFacts {
  id: string;
  name: string;
  plan: string;
  suspension: string;
  spendReached: SpendReached | null;
  generation: number;
}

/**
 * A domain further right that has a part in tenants' lives. Turned round here so that `tenants` knows none of them:
 * each registers itself when its module starts.
 */
export interface TenantParticipant {
  /** Its tier: provisioning goes up, teardown goes down, so that functions end before the namespace they live in. */
  readonly order: number;
  readonly name: string;
  /** In the transaction that creates the tenant. */
  created?(context: TenantContext, tenant: TenantFacts): Promise<void>;
  /** Before the plan or settings change, in that transaction; throws to refuse. */
  changed?(context: TenantContext, tenant: TenantFacts): Promise<void>;
  /** Brings the world in line; called again after every change and from time to time: level-triggered. */
  provision?(context: TenantContext, tenant: TenantFacts): Promise<ParticipantResult>;
  /** Takes everything away; called until it says done. */
  teardown?(context: TenantContext, tenant: TenantFacts): Promise<ParticipantResult>;
}

@Injectable()
export class TenantParticipants {
  private readonly list: TenantParticipant[] = [];

  register(participant: TenantParticipant): void {
    this.list.push(participant);
    this.list.sort((a, b) => a.order - b.order);
  }

  rising(): readonly TenantParticipant[] {
    return this.list;
  }

  falling(): readonly TenantParticipant[] {
    return [...this.list].reverse();
  }
}
