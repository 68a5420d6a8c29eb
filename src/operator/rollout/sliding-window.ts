import { sumOf, type PodFigures } from './pod-figures.policy.js';

/** A window is cut into so many parts at most: an hour costs no more memory than a minute. */
const MOST_PARTS = 120;

interface Part {
  /** Unix ms of the last figures in it. */
  at: number;
  began: number;
  figures: PodFigures;
}

/** Figures of the last while, in bounded memory. Older ones are forgotten as new ones come. */
export class SlidingWindow {
  private parts: Part[] = [];
  private readonly partMs: number;

  constructor(private readonly seconds: number) {
    this.partMs = (seconds * 1_000) / MOST_PARTS;
  }

  get size(): number {
    return this.parts.length;
  }

  add(at: number, figures: PodFigures): void {
    const last = this.parts.at(-1);
    if (last && at - last.began < this.partMs) {
      last.figures = sumOf([last.figures, figures]);
      last.at = at;
    } else {
      this.parts.push({ at, began: at, figures });
    }
    this.parts = this.parts.filter((part) => part.at > at - this.seconds * 1_000);
  }

  /** Undefined when nothing was ever added. */
  sum(seconds: number, now: number): PodFigures | undefined {
    if (this.parts.length === 0) return undefined;
    return sumOf(this.parts.filter((part) => part.at > now - seconds * 1_000).map(({ figures }) => figures));
  }
}
