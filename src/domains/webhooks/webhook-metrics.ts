import { Counter, Histogram } from 'prom-client';
import { registry } from '../../platform/observability/metrics.js';

export const deliveriesTotal = new Counter({ name: 'fnplane_webhook_deliveries_total', help: 'Tries to deliver events to webhooks, by what followed: delivered, again, ended.', labelNames: ['outcome'], registers: [registry] });
export const deliverySeconds = new Histogram({ name: 'fnplane_webhook_delivery_seconds', help: 'How long the addresses took to answer.', buckets: [0.05, 0.1, 0.5, 1, 2.5, 5, 10], registers: [registry] });
