import { Injectable } from '@nestjs/common';
import DataLoader from 'dataloader';
import type { TenantContext } from '../../../platform/context/context.js';
import type { Page } from '../../../platform/database/page.js';
import { FunctionsService } from '../functions.service.js';
import type { RevisionEntity } from '../store/revision.entity.js';

const LARGEST_BATCH = 100;

type RevisionsLoader = DataLoader<string, Page<RevisionEntity>>;

/** Loaders of one request: the first pages of many functions' revisions come in one statement. */
@Injectable()
export class FunctionLoaders {
  /** Keyed by the request, so that they end with it; then by tenant and page size. */
  private readonly loaders = new WeakMap<object, Map<string, RevisionsLoader>>();

  constructor(private readonly functions: FunctionsService) {}

  firstRevisions(request: object, context: TenantContext, functionId: string, limit: number): Promise<Page<RevisionEntity>> {
    const ofRequest = this.loaders.get(request) ?? new Map<string, RevisionsLoader>();
    this.loaders.set(request, ofRequest);
    const key = `${context.tenantId}/${limit}`;
    const loader = ofRequest.get(key) ?? new DataLoader<string, Page<RevisionEntity>>((ids) => this.functions.firstRevisions(context, ids, limit), { maxBatchSize: LARGEST_BATCH });
    ofRequest.set(key, loader);
    return loader.load(functionId);
  }
}
