import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Caller, RequirePlatform, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { UsageQuery } from '../../metering/api/usage.model.js';
import { BillingService } from '../billing.service.js';
import { toInvoicePreviewModel, toPriceListModel } from './billing.mapper.js';
import { InvoicePreviewModel, PriceListModel } from './billing.model.js';

@ApiTags('billing')
@Controller('v1')
export class BillingController {
  constructor(private readonly billing: BillingService) {}

  @Get('tenants/:tenant/invoice-preview')
  @RequireTenant('billing:read')
  @ApiOkResponse({ type: InvoicePreviewModel })
  async preview(@Tenant() context: TenantContext, @Query() query: UsageQuery): Promise<InvoicePreviewModel> {
    return toInvoicePreviewModel(await this.billing.preview(context, query.period));
  }

  @Get('plans/:plan/prices')
  @RequirePlatform('plans:read')
  @ApiOkResponse({ type: PriceListModel })
  async prices(@Caller() caller: SystemContext, @Param('plan') plan: string): Promise<PriceListModel> {
    return toPriceListModel(await this.billing.plan(caller, plan));
  }
}
