import type { LogText } from './log-text.js';
import { continues, finish, join } from './stack-lines.policy.js';

/** Puts the texts of one pod together that belong together. What may go on is held back until {@link flush}, or until something else comes. */
export class LineJoiner {
  private held: LogText | undefined;

  /** @returns what is complete now, in its order. */
  take(text: LogText): LogText[] {
    if (this.held && continues(this.held, text)) {
      this.held = join(this.held, text);
      return [];
    }
    const complete = this.flush();
    if (text.printed) {
      this.held = text;
      return complete;
    }
    return [...complete, text];
  }

  get isHolding(): boolean {
    return this.held !== undefined;
  }

  flush(): LogText[] {
    const held = this.held;
    this.held = undefined;
    return held && held.message.trim() !== '' ? [finish(held)] : [];
  }
}
