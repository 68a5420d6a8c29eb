/** What workers hear on the channel of work when due times have changed. */
export const CRON_NEWS = 'cron-triggers';
