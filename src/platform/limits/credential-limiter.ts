import { BoundedCache } from '../caching/bounded-cache.js';
import { DomainError } from '../errors/domain-error.js';
import { clientOf } from './client-address.policy.js';
import { LimitMetrics } from './limit-metrics.js';
import { LocalBucket } from './local-bucket.js';
import { retryAfterSeconds, type Rate } from './rate.policy.js';

const MOST_CLIENTS = 50_000;
const MOST_CREDENTIALS = 20_000;
const REMEMBERED_MS = 600_000;
/** A credential that was good so lately is let through to its check whatever else its address sends. */
const GOOD_MS = 60_000;

/**
 * Bounds what an address may try without a credential that holds: a flood of wrong keys is refused before anything is looked up. A
 * credential found good is not charged, and one that was good in the last minute not even held up, so that a neighbour behind the same
 * address does not lock anybody out.
 */
export class CredentialLimiter {
  private readonly clients = new BoundedCache<string, LocalBucket>(MOST_CLIENTS, REMEMBERED_MS);
  private readonly good = new BoundedCache<string, true>(MOST_CREDENTIALS, GOOD_MS);
  private readonly metrics = new LimitMetrics('address');

  constructor(private readonly rate: Rate | null) {}

  /**
   * Runs the check of a request's credential.
   * @param credential undefined when the request has none; the check then fails by itself.
   * @throws {DomainError} RATE_LIMITED, or what the check throws.
   */
  async check<T>(address: string, credential: string | undefined, check: () => Promise<T>): Promise<T> {
    if (!this.rate) return check();
    const bucket = credential !== undefined && this.good.get(credential) ? undefined : this.charge(address);
    try {
      const found = await check();
      bucket?.giveBack(1);
      if (credential !== undefined && bucket) this.good.set(credential, true);
      return found;
    } catch (error) {
      // Only what the caller got wrong counts against him.
      if (!(error instanceof DomainError) || error.kind !== 'unauthenticated') bucket?.giveBack(1);
      else if (credential !== undefined) this.good.delete(credential);
      throw error;
    }
  }

  private charge(address: string): LocalBucket {
    const client = clientOf(address);
    const now = Date.now();
    let bucket = this.clients.get(client);
    if (!bucket) {
      bucket = new LocalBucket(this.rate!);
      this.clients.set(client, bucket);
    }
    if (bucket.take(1, now)) {
      this.metrics.admitted.inc();
      return bucket;
    }
    this.metrics.refused.inc();
    const seconds = retryAfterSeconds(bucket.waitMs(1, now));
    throw new DomainError('rate-limited', 'RATE_LIMITED', `Too many requests without a valid credential came from your address; try again in ${seconds} s.`, {
      retryAfterSeconds: seconds, details: { limit: 'address' },
    });
  }
}
