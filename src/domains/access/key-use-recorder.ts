import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import { systemContext } from '../../platform/context/context.js';
import { partLogger } from '../../platform/observability/logger.js';
import { ApiKeysRepository } from './store/api-keys.repository.js';

const log = partLogger('access');
const EVERY_MS = 60_000;
/** Uses are gathered for so long and written together. */
const GATHER_MS = 1_000;
const MOST_PENDING = 10_000;

/** Notes when keys were last used: at most once a minute for each, off the request path; what cannot be written is forgotten. */
@Injectable()
export class KeyUseRecorder implements OnModuleDestroy {
  private readonly context = systemContext('access');
  private readonly noted = new BoundedCache<string, true>(MOST_PENDING, EVERY_MS);
  private pending = new Map<string, Date>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly keys: ApiKeysRepository) {}

  note(keyId: string): void {
    if (this.noted.get(keyId) || this.pending.size >= MOST_PENDING) return;
    this.noted.set(keyId, true);
    this.pending.set(keyId, new Date());
    this.timer ??= setTimeout(() => void this.write(), GATHER_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearTimeout(this.timer);
    await this.write();
  }

  private async write(): Promise<void> {
    this.timer = undefined;
    const uses = [...this.pending].map(([id, at]) => ({ id, at }));
    this.pending = new Map();
    if (uses.length === 0) return;
    await this.keys.touch(this.context, uses).catch((error: unknown) => log.warn({ err: error, keys: uses.length }, 'the last use of API keys could not be noted'));
  }
}
