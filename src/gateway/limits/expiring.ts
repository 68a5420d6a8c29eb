/** Something with a time (monotonic ms) after which it must give up. Carries its own links in the sweeper's list. */
export abstract class Expiring {
  deadline = 0;
  /** The sweeper's own. */
  before: Expiring | undefined = undefined;
  after: Expiring | undefined = undefined;

  /** Called when the deadline has passed. */
  abstract expire(): void;
  /** Called at each sweep before the deadline, to look for a chance that no event announces. */
  abstract poll(): void;
}
