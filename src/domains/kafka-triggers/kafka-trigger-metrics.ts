import { Counter, Gauge } from 'prom-client';
import { registry } from '../../platform/observability/metrics.js';

export const recordsTotal = new Counter({ name: 'fnplane_kafka_trigger_records_total', help: 'Records of Kafka triggers, by outcome: delivered, dead-lettered, skipped.', labelNames: ['outcome'], registers: [registry] });
export const batchesTotal = new Counter({ name: 'fnplane_kafka_trigger_batches_total', help: 'Calls of functions with records, by outcome: delivered, failed, refused.', labelNames: ['outcome'], registers: [registry] });
export const consumers = new Gauge({ name: 'fnplane_kafka_trigger_consumers', help: 'Kafka triggers that this process consumes for.', registers: [registry] });
