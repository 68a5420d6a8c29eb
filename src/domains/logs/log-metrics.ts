import { Counter, Gauge } from 'prom-client';
import { registry } from '../../platform/observability/metrics.js';

export const collectedTotal = new Counter({ name: 'fnplane_log_entries_total', help: 'Entries of functions\' logs that were collected.', registers: [registry] });
export const droppedTotal = new Counter({ name: 'fnplane_log_dropped_lines_total', help: 'Lines that were left out because their tenant printed too much.', registers: [registry] });
export const streams = new Gauge({ name: 'fnplane_log_streams', help: 'Logs of pods that are being read by this process.', labelNames: ['cluster'], registers: [registry] });
