import type { RequestTotals } from './request-totals.js';
import type { UsageTotals } from './runtime.js';

/**
 * What the gateway counts for functions whose image serves no metrics of its own, as totals since the
 * gateway process started. The meter reads it at `GET /internal/usage` of each gateway's management port.
 */
export interface GatewayUsageReport {
  /** New with each process. */
  instance: string;
  functions: (UsageTotals & { tenantId: string; functionId: string; revision: number })[];
  /** Of all functions, for their time series: what their pods do not count. Absent from gateways of older builds. */
  requests?: (RequestTotals & { tenantId: string; functionId: string })[];
}
