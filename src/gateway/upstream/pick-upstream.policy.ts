import type { Upstream } from './upstream.js';

/**
 * The less busy of two chosen at random (power of two choices); where neither can take a request, the least busy of all
 * that can. `avoid` is taken only when it is the only one.
 * @param random a number in [0, 1).
 */
export function pickUpstream(upstreams: readonly Upstream[], nowMs: number, avoid: Upstream | undefined, random: () => number): Upstream | undefined {
  const count = upstreams.length;
  if (count === 0) return undefined;
  if (count === 1) return upstreams[0]!.isUsable(nowMs) ? upstreams[0] : undefined;
  const i = Math.floor(random() * count);
  const j = (i + 1 + Math.floor(random() * (count - 1))) % count;
  return better(candidate(upstreams[i]!, nowMs, avoid), candidate(upstreams[j]!, nowMs, avoid)) ?? leastBusy(upstreams, nowMs, avoid);
}

function candidate(upstream: Upstream, nowMs: number, avoid: Upstream | undefined): Upstream | undefined {
  return upstream !== avoid && upstream.isUsable(nowMs) ? upstream : undefined;
}

function better(a: Upstream | undefined, b: Upstream | undefined): Upstream | undefined {
  if (!a || !b) return a ?? b;
  return b.inFlight < a.inFlight ? b : a;
}

function leastBusy(upstreams: readonly Upstream[], nowMs: number, avoid: Upstream | undefined): Upstream | undefined {
  let best: Upstream | undefined;
  for (const upstream of upstreams) best = better(best, candidate(upstream, nowMs, avoid));
  return best ?? (avoid && upstreams.includes(avoid) && avoid.isUsable(nowMs) ? avoid : undefined);
}
