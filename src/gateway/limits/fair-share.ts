/** A holder of admitted requests: one function. */
export interface ShareHolder {
  admitted: number;
}

/**
 * Shares a fixed capacity among any number of functions without knowing how many there are: a function is admitted while
 * it holds less than what is still free (dynamic thresholds, Choudhury and Hahne 1998). One busy function thus gets half,
 * two get a third each, n get 1/(n+1) each, and a newcomer always finds room.
 */
export class FairShare {
  private total = 0;

  constructor(private readonly capacity: number) {}

  get held(): number {
    return this.total;
  }

  admit(holder: ShareHolder): boolean {
    const free = this.capacity - this.total;
    if (free <= 0 || (holder.admitted >= free && holder.admitted > 0)) return false;
    this.total++;
    holder.admitted++;
    return true;
  }

  release(holder: ShareHolder): void {
    this.total--;
    holder.admitted--;
  }
}
