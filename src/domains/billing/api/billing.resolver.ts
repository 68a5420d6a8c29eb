import { Args, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Caller, RequireParent, RequirePlatform, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { TenantModel } from '../../tenants/api/tenant.model.js';
import { BillingService } from '../billing.service.js';
import { toInvoicePreviewModel, toPriceListModel } from './billing.mapper.js';
import { InvoicePreviewModel, PriceListModel } from './billing.model.js';

@Resolver(() => TenantModel)
export class BillingResolver {
  constructor(private readonly billing: BillingService) {}

  @Query(() => InvoicePreviewModel)
  @RequireTenant('billing:read')
  async invoicePreview(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('period', { nullable: true }) period?: string): Promise<InvoicePreviewModel> {
    return toInvoicePreviewModel(await this.billing.preview(context, period ?? undefined));
  }

  @Query(() => PriceListModel)
  @RequirePlatform('plans:read')
  async prices(@Caller() caller: SystemContext, @Args('plan') plan: string): Promise<PriceListModel> {
    return toPriceListModel(await this.billing.plan(caller, plan));
  }

  @ResolveField(() => InvoicePreviewModel, { name: 'invoicePreview' })
  @RequireParent('billing:read')
  async ofTenant(@Parent() _tenant: TenantModel, @Tenant() context: TenantContext, @Args('period', { nullable: true }) period?: string): Promise<InvoicePreviewModel> {
    return toInvoicePreviewModel(await this.billing.preview(context, period ?? undefined));
  }
}
