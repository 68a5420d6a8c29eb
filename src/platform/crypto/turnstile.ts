/** Lets so many pieces of work run at once; others wait outside for a while, in their order. */
export class Turnstile {
  private readonly waiting: (() => void)[] = [];

  /** @param refuse makes the error for who has waited too long */
  constructor(
    private free: number,
    private readonly waitMs: number,
    private readonly refuse: () => Error,
  ) {}

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await this.wait();
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }

  private wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(enter), 1);
        reject(this.refuse());
      }, this.waitMs);
      this.waiting.push(enter);
    });
  }
}
