import type { TenantContext } from '../../platform/context/context.js';
import type { LogFilter } from './log-filter.js';
import type { LogWakes } from './log-wakes.js';
import type { LogEntryEntity } from './store/log-entry.entity.js';
import type { LogEntriesRepository } from './store/log-entries.repository.js';

export interface FollowOptions {
  /** Begins after the entry with this position; else with the last {@link tail} there are. */
  after?: string | undefined;
  tail: number;
  /** Whoever follows has gone. */
  signal: AbortSignal;
  /** Whether the caller may still follow: asked every {@link CHECK_MS}. */
  goesOn(): Promise<boolean>;
}

interface Followed {
  context: TenantContext;
  functionId: string;
  filter: LogFilter;
}

export const CHECK_MS = 5_000;
const BATCH = 100;

/** One who follows a function's log. Between news it costs nothing but the question whether it may go on. */
export class LogFollower {
  private news = true;
  private rouse: () => void = () => undefined;

  constructor(
    private readonly entries: LogEntriesRepository,
    private readonly wakes: Pick<LogWakes, 'add'>,
    private readonly of: Followed,
  ) {}

  /** @param options.enter takes room and answers what gives it back; it may throw */
  async *batches({ after, tail, signal, goesOn, enter }: FollowOptions & { enter: () => () => void }): AsyncGenerator<LogEntryEntity[]> {
    const { context, functionId } = this.of;
    const leave = enter();
    // Before anything is read: what comes in between is news.
    const forget = this.wakes.add(context.tenantId, functionId, () => this.wake());
    const onAbort = (): void => this.rouse();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      let position = after ?? await this.entries.lastPosition(context);
      yield after === undefined && tail > 0 ? await this.entries.findLast(context, functionId, this.of.filter, position, tail) : [];
      let checkedAt = performance.now();
      while (!signal.aborted) {
        if (performance.now() - checkedAt >= CHECK_MS) {
          if (!(await goesOn())) return;
          checkedAt = performance.now();
          yield [];
        }
        if (this.news) {
          this.news = false;
          const next = await this.read(position);
          position = next.position;
          if (next.more) this.news = true;
          if (next.rows.length > 0) yield next.rows;
        } else {
          await this.sleep(CHECK_MS - (performance.now() - checkedAt), signal);
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      forget();
      leave();
    }
  }

  /** What matches after `position`, and how far that was looked. */
  private async read(position: string): Promise<{ rows: LogEntryEntity[]; position: string; more: boolean }> {
    const { context, functionId, filter } = this.of;
    const last = await this.entries.lastPosition(context);
    const rows = await this.entries.findAfter(context, functionId, filter, position, BATCH);
    if (rows.length === BATCH) return { rows, position: rows.at(-1)!.position, more: true };
    const seen = rows.at(-1)?.position ?? position;
    return { rows, position: BigInt(seen) > BigInt(last) ? seen : last, more: false };
  }

  private wake(): void {
    this.news = true;
    this.rouse();
  }

  private async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0 || this.news || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.rouse = () => undefined;
  }
}
