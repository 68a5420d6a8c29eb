import type { HttpTriggerSpec } from '../../contract/triggers.js';
import type { RouteLimiter } from '../limits/route-limiter.js';
import type { FunctionRoute } from './function-route.js';

/** A host and path that a function has, ready for requests. */
export interface Claim {
  trigger: HttpTriggerSpec;
  route: FunctionRoute;
  /** Undefined: all. */
  methods: ReadonlySet<string> | undefined;
  /** Undefined: nothing but what the tenant and the function are held to. */
  limiter: RouteLimiter | undefined;
}

/** Claims to one host: of each path the one that was there first, and those that wait for it to go. */
export class HostClaims {
  private readonly exact = new Map<string, Claim[]>();
  /** Without the slash of `/`. The longest first. */
  private prefixes: { base: string; claims: Claim[] }[] = [];

  get isEmpty(): boolean {
    return this.exact.size === 0 && this.prefixes.length === 0;
  }

  /** Exact before the longest prefix. */
  find(path: string): Claim | undefined {
    const exact = this.exact.get(path)?.[0];
    if (exact) return exact;
    return this.prefixes.find(({ base }) => path.startsWith(base) && (path.length === base.length || path.charCodeAt(base.length) === SLASH))?.claims[0];
  }

  add(claim: Claim): void {
    const { type, value } = claim.trigger.path;
    if (type === 'exact') {
      this.exact.set(value, [...(this.exact.get(value) ?? []), claim]);
      return;
    }
    const base = baseOf(value);
    const known = this.prefixes.find((prefix) => prefix.base === base);
    if (known) known.claims.push(claim);
    else this.prefixes = [...this.prefixes, { base, claims: [claim] }].sort((a, b) => b.base.length - a.base.length);
  }

  remove(route: FunctionRoute): void {
    for (const [path, claims] of this.exact) {
      const left = claims.filter((claim) => claim.route !== route);
      if (left.length > 0) this.exact.set(path, left);
      else this.exact.delete(path);
    }
    this.prefixes = this.prefixes.map(({ base, claims }) => ({ base, claims: claims.filter((claim) => claim.route !== route) })).filter(({ claims }) => claims.length > 0);
  }
}

const SLASH = 47;

function baseOf(prefix: string): string {
  return prefix === '/' ? '' : prefix;
}
