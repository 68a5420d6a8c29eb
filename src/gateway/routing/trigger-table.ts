import { HTTP_METHODS, type HttpTriggerSpec } from '../../contract/triggers.js';
import { RouteLimiter } from '../limits/route-limiter.js';
import type { FunctionRoute } from './function-route.js';
import { HostClaims, type Claim } from './host-claims.js';

/** Functions of a cluster by the hosts and paths of their triggers. */
export class TriggerTable {
  private readonly hosts = new Map<string, HostClaims>();
  private readonly known = new Map<FunctionRoute, { json: string; hosts: readonly string[] }>();

  /** @param gateways how many share the requests of all */
  constructor(private readonly gateways: number) {}

  get isEmpty(): boolean {
    return this.hosts.size === 0;
  }

  /** Whether any function has a path there: what none of them has is nobody's then. */
  hasHost(host: string): boolean {
    return this.hosts.has(host);
  }

  /** @param path without a query */
  find(host: string, path: string): Claim | undefined {
    return this.hosts.get(host)?.find(path);
  }

  /** Takes over all that a function has now. The same again costs nothing. */
  set(route: FunctionRoute, triggers: readonly HttpTriggerSpec[] = []): void {
    const json = JSON.stringify(triggers);
    if ((this.known.get(route)?.json ?? '[]') === json) return;
    this.delete(route);
    if (triggers.length === 0) return;
    for (const trigger of triggers) {
      const claims = this.hosts.get(trigger.host) ?? new HostClaims();
      this.hosts.set(trigger.host, claims);
      const { methods, limits } = trigger;
      const limiter = limits?.rate || limits?.callerRate ? new RouteLimiter(limits, this.gateways, performance.now()) : undefined;
      claims.add({ trigger, route, methods: methods && new Set<string>(methods), limiter });
    }
    this.known.set(route, { json, hosts: [...new Set(triggers.map(({ host }) => host))] });
  }

  delete(route: FunctionRoute): void {
    for (const host of this.known.get(route)?.hosts ?? []) {
      const claims = this.hosts.get(host);
      claims?.remove(route);
      if (claims?.isEmpty) this.hosts.delete(host);
    }
    this.known.delete(route);
  }
}

/** Of an `Allow` header, in the order everybody lists them. */
export function allowedMethods({ methods }: Claim): string {
  return HTTP_METHODS.filter((method) => methods?.has(method) ?? true).join(', ');
}
