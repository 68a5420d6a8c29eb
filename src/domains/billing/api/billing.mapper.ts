import { Decimal } from 'decimal.js';
import type { InvoicePreview } from '../billing.service.js';
import type { PricedPlan } from '../store/prices.repository.js';
import { InvoiceLineModel, InvoicePreviewModel, PriceListModel, PriceModel } from './billing.model.js';

export function toInvoicePreviewModel(preview: InvoicePreview): InvoicePreviewModel {
  const { month, timeZone, from, to, plan, currency, lines, total } = preview;
  return Object.assign(new InvoicePreviewModel(), { period: month, timeZone, from, to, plan, currency, total, lines: lines.map((line) => Object.assign(new InvoiceLineModel(), line)) });
}

export function toPriceListModel(plan: PricedPlan): PriceListModel {
  const prices = plan.prices.map((price) => Object.assign(new PriceModel(), {
    meter: price.meter, unitAmount: new Decimal(price.amount).toFixed(), per: new Decimal(price.per).toFixed(), freeAllowance: new Decimal(price.freeAllowance).toFixed(),
  }));
  return Object.assign(new PriceListModel(), { plan: plan.name, currency: plan.currency, prices });
}
