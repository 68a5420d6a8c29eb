import type { GatewayUsageReport } from '../../../contract/usage-report.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { FunctionsDirectory } from '../../functions/functions-directory.js';
import type { MetricReading } from '../metric-points.policy.js';
import type { Reading } from '../reading.js';

const TIMEOUT_MS = 2_000;

/** Where a gateway's report comes from: the one in this process, or another's management port. */
export type ReportSource = () => Promise<GatewayUsageReport>;

export function remoteReport(managementUrl: string): ReportSource {
  return async () => {
    const answer = await fetch(new URL('/internal/usage', managementUrl), { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    if (!answer.ok) throw new Error(`the gateway answers ${answer.status}`);
    return (await answer.json()) as GatewayUsageReport;
  };
}

/** A gateway's totals become readings; functions that the platform does not know (any more) are left out. */
export async function gatewayReadings(context: SystemContext, report: GatewayUsageReport, functions: FunctionsDirectory, cluster: string): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (const entry of report.functions) {
    const known = await functions.forMetering(context, entry.functionId, entry.revision);
    if (!known || known.tenantId !== entry.tenantId) continue;
    const { invocations, billedMs, requestBytes, responseBytes } = entry;
    readings.push({
      instance: `gateway-${report.instance}`, tenantId: entry.tenantId, functionId: entry.functionId, functionName: known.functionName, revision: entry.revision, cluster,
      memoryMb: known.memoryMb, cpuMillis: known.cpuMillis, totals: { invocations, billedMs, requestBytes, responseBytes }, at: new Date(),
    });
  }
  return readings;
}

/** What a gateway knows of functions' requests. Of functions that are gone, too: what they did is the tenant's still. */
export function gatewayMetrics({ instance, requests = [] }: GatewayUsageReport, cluster: string, at: Date): MetricReading[] {
  return requests.map(({ tenantId, functionId, ...totals }) => ({ cluster, instance: `gateway-${instance}`, tenantId, functionId, totals, at }));
}
