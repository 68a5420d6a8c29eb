import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { Gauge } from 'prom-client';
import { registry } from '../../../platform/observability/metrics.js';
import { csvLine } from '../csv.policy.js';
import type { AuditEntryEntity } from '../store/audit-entry.entity.js';
import type { AuditEntryModel, ExportFormat } from './audit-entry.model.js';
import { toAuditEntryModel } from './audit.mapper.js';

const running = new Gauge({ name: 'fnplane_audit_exports_running', help: 'Exports of the audit log that are being sent.', registers: [registry] });

/** A client that takes nothing for so long is gone. */
const STALLED_MS = 60_000;
const COLUMNS = ['id', 'tenantId', 'at', 'principal', 'action', 'targetKind', 'targetId', 'targetName', 'requestId', 'result', 'code', 'beforeHash', 'afterHash'] as const satisfies readonly (keyof AuditEntryModel)[];

export const EXPORT_TYPES: Record<ExportFormat, string> = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8; header=present' };

const FORMS: Record<ExportFormat, { head: string; line: (entry: AuditEntryModel) => string }> = {
  ndjson: { head: '', line: (entry) => `${JSON.stringify(entry, [...COLUMNS])}\n` },
  csv: { head: csvLine(COLUMNS), line: (entry) => csvLine(COLUMNS.map((column) => cellOf(entry[column]))) },
};

/**
 * Sends an export as it is read: the next batch only when the client has taken the last one, and none once it has left. What fails
 * before the first line is a problem as usual; after that the connection breaks, so that no one takes a part for the whole.
 */
export async function sendAuditExport(reply: FastifyReply, format: ExportFormat, batches: AsyncGenerator<AuditEntryEntity[]>): Promise<void> {
  const first = await batches.next();
  reply.raw.setTimeout(STALLED_MS, () => reply.raw.destroy());
  void reply.type(EXPORT_TYPES[format]).header('content-disposition', `attachment; filename="audit.${format}"`);
  await reply.send(Readable.from(lines(format, first, batches)));
}

async function* lines(format: ExportFormat, first: IteratorResult<AuditEntryEntity[], unknown>, rest: AsyncGenerator<AuditEntryEntity[]>): AsyncGenerator<string> {
  const { head, line } = FORMS[format];
  running.inc();
  try {
    if (head !== '') yield head;
    for (let next = first; !next.done; next = await rest.next()) yield next.value.map((row) => line(toAuditEntryModel(row))).join('');
  } finally {
    running.dec();
  }
}

function cellOf(value: string | Date | undefined): string {
  return value instanceof Date ? value.toISOString() : value ?? '';
}
