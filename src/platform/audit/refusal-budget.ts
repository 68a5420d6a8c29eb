import { BoundedCache } from '../caching/bounded-cache.js';

const WINDOW_MS = 60_000;
/** Far above what a person or a careful machine is refused; a loop that retries for ever is told by its first entries. */
export const MOST_PER_MINUTE = 60;
const PRINCIPALS = 10_000;

/** How many refusals of one principal are written down in a minute, in this process: a flood must not fill the audit log. */
export class RefusalBudget {
  private readonly taken = new BoundedCache<string, { count: number }>(PRINCIPALS, WINDOW_MS);

  /** `spent` tells the first refusal over the limit from those after it. */
  take(principal: string): 'left' | 'spent' | 'over' {
    const window = this.taken.get(principal) ?? { count: 0 };
    if (window.count === 0) this.taken.set(principal, window);
    window.count += 1;
    if (window.count <= MOST_PER_MINUTE) return 'left';
    return window.count === MOST_PER_MINUTE + 1 ? 'spent' : 'over';
  }
}
