/** Postgres tells on it that there are new entries; what is said is `<tenant id>/<function id>`. */
export const LOGS_CHANNEL = 'fnplane_logs';
