interface Waiting {
  holder: string;
  units: number;
  enter: () => void;
}

/** Room that all consumers of a process share, in turn, with a bound for each tenant. */
export class SharedRoom {
  private taken = 0;
  private readonly held = new Map<string, number>();
  private waiting: Waiting[] = [];

  constructor(
    private readonly most: number,
    private readonly mostOfOne: number,
  ) {}

  /** Waits for room. @returns what gives it back, once. @throws the signal's reason. */
  async enter(holder: string, units: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.waiting = this.waiting.filter((one) => one !== entry);
        reject(signal.reason as Error);
      };
      const entry: Waiting = { holder, units: Math.min(units, this.mostOfOne), enter: () => { signal.removeEventListener('abort', leave); resolve(); } };
      signal.addEventListener('abort', leave, { once: true });
      this.waiting.push(entry);
      this.admit();
    });
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.give(holder, -Math.min(units, this.mostOfOne));
      this.admit();
    };
  }

  private admit(): void {
    for (const entry of [...this.waiting]) {
      if (this.taken + entry.units > this.most) return;
      if ((this.held.get(entry.holder) ?? 0) + entry.units > this.mostOfOne) continue;
      this.waiting.splice(this.waiting.indexOf(entry), 1);
      this.give(entry.holder, entry.units);
      entry.enter();
    }
  }

  private give(holder: string, units: number): void {
    this.taken += units;
    const held = (this.held.get(holder) ?? 0) + units;
    if (held === 0) this.held.delete(holder);
    else this.held.set(holder, held);
  }
}
