import { Counter } from 'prom-client';
import { registry } from '../../platform/observability/metrics.js';

export const firedTotal = new Counter({ name: 'fnplane_cron_runs_total', help: 'Due times of cron triggers that became invocations.', registers: [registry] });
export const skippedTotal = new Counter({ name: 'fnplane_cron_runs_skipped_total', help: 'Due times of cron triggers that were not run, by why the latest of them was not.', labelNames: ['reason'], registers: [registry] });
