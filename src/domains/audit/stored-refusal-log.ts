import { Injectable } from '@nestjs/common';
import { RefusalLog, type Refusal } from '../../platform/audit/refusal-log.js';
import type { Context } from '../../platform/context/context.js';
import { AuditService } from './audit.service.js';

/** The audit log, as guard and interceptor see it. */
@Injectable()
export class StoredRefusalLog extends RefusalLog {
  constructor(private readonly audit: AuditService) {
    super();
  }

  override append(context: Context, refusal: Refusal): Promise<void> {
    return this.audit.refuse(context, refusal);
  }
}
