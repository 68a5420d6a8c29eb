import type { Upstream } from './upstream.js';

/** A revision's part of a function's requests, and its pods. */
export interface Share {
  readonly revision: number;
  readonly weight: number;
  /** What it is owed: grows by its weight with each request, and falls by what all were owed when it gets one. */
  credit: number;
  upstreams: readonly Upstream[];
}

/**
 * The share whose turn it is: smooth weighted round-robin, so that any hundred requests in a row are divided exactly and
 * those of one revision are spread among the others. One that can take no request leaves its turn to those that can, and is
 * owed nothing for it. `avoid` does not count as able. Allocates nothing.
 */
export function pickShare(shares: readonly Share[], nowMs: number, avoid: Upstream | undefined): Share | undefined {
  if (shares.length < 2) return shares[0];
  let best: Share | undefined;
  let total = 0;
  for (let i = 0; i < shares.length; i++) {
    const share = shares[i]!;
    if (!canTake(share.upstreams, nowMs, avoid)) continue;
    share.credit += share.weight;
    total += share.weight;
    if (best === undefined || share.credit > best.credit) best = share;
  }
  if (best) best.credit -= total;
  return best;
}

function canTake(upstreams: readonly Upstream[], nowMs: number, avoid: Upstream | undefined): boolean {
  for (let i = 0; i < upstreams.length; i++) {
    if (upstreams[i] !== avoid && upstreams[i]!.isUsable(nowMs)) return true;
  }
  return false;
}
