import { Injectable } from '@nestjs/common';
import DataLoader from 'dataloader';
import type { TenantContext } from '../../../platform/context/context.js';
import type { Page } from '../../../platform/database/page.js';
import { SecretVersionsService, type SecretVersion } from '../secret-versions.service.js';
import type { SecretModel } from './secret.model.js';

const LARGEST_BATCH = 100;

type VersionsLoader = DataLoader<SecretModel, Page<SecretVersion>, string>;

/** Loaders of one request: the first pages of many secrets' versions come in one statement. */
@Injectable()
export class SecretLoaders {
  /** Keyed by the request, so that they end with it; then by tenant and page size. */
  private readonly loaders = new WeakMap<object, Map<string, VersionsLoader>>();

  constructor(private readonly versions: SecretVersionsService) {}

  firstVersions(request: object, context: TenantContext, secret: SecretModel, limit: number): Promise<Page<SecretVersion>> {
    const ofRequest = this.loaders.get(request) ?? new Map<string, VersionsLoader>();
    this.loaders.set(request, ofRequest);
    const key = `${context.tenantId}/${limit}`;
    const loader = ofRequest.get(key) ?? new DataLoader<SecretModel, Page<SecretVersion>, string>((secrets) => this.versions.firstVersions(context, secrets, limit), {
      // A mutation's answer may hold the same secret with another current version.
      maxBatchSize: LARGEST_BATCH, cacheKeyFn: ({ id, etag }) => `${id}/${etag}`,
    });
    ofRequest.set(key, loader);
    return loader.load(secret);
  }
}
