import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { registry } from '../../platform/observability/metrics.js';
import { tooManyFollowers } from './logs.errors.js';

const MOST = 1_000;
const MOST_OF_ONE_TENANT = 50;

const followers = new Gauge({ name: 'fnplane_log_followers', help: 'Followers of functions\' logs in this process.', registers: [registry] });

/** How many may follow at once in this process. */
@Injectable()
export class FollowerRoom {
  private readonly tenants = new Map<string, number>();
  private all = 0;

  /** @returns gives the room back, once. @throws {DomainError} LOG_FOLLOWERS_TOO_MANY. */
  enter(tenantId: string): () => void {
    const present = this.tenants.get(tenantId) ?? 0;
    if (present >= MOST_OF_ONE_TENANT) throw tooManyFollowers('tenant', MOST_OF_ONE_TENANT);
    if (this.all >= MOST) throw tooManyFollowers('process', MOST);
    this.tenants.set(tenantId, present + 1);
    this.change(1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const rest = (this.tenants.get(tenantId) ?? 1) - 1;
      if (rest > 0) this.tenants.set(tenantId, rest);
      else this.tenants.delete(tenantId);
      this.change(-1);
    };
  }

  private change(by: number): void {
    this.all += by;
    followers.set(this.all);
  }
}
