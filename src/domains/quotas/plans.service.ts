import { Injectable } from '@nestjs/common';
import type { Context } from '../../platform/context/context.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { planNotFound } from './quotas.errors.js';
import type { PlanEntity } from './store/plan.entity.js';
import { PlansRepository } from './store/plans.repository.js';

@Injectable()
export class PlansService {
  constructor(private readonly plans: PlansRepository) {}

  /** @throws {DomainError} PLAN_NOT_FOUND */
  async get(context: Context, name: string): Promise<PlanEntity> {
    const plan = await this.plans.find(context, name);
    if (!plan) throw planNotFound();
    return plan;
  }

  list(context: Context, request: PageRequest, name?: string): Promise<Page<PlanEntity>> {
    return this.plans.findPage(context, request, name);
  }
}
