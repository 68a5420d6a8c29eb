import { registrySettings } from '../../deploy/local/registry-settings.ts';
import { setup as prepareTemplate } from './global-setup.js';
import { platformEnvironment, SHARED_PLATFORM, type PlatformAddresses } from './platform.js';
import { createTestDatabase } from './postgres.js';
import { RoleProcess } from './role-process.js';
import { shareSigningKey } from './tokens.js';

/** Once for a project whose suites share a platform: all roles in one process, as compiled. */
export async function setup(): Promise<() => Promise<void>> {
  // The project's own set-up runs before that of the whole run.
  await prepareTemplate();
  shareSigningKey();
  const database = await createTestDatabase();
  const platform = new RoleProcess('platform', { ...registrySettings(), ...(await platformEnvironment(database.url)) });
  try {
    const { api, gateway, management } = await platform.ready();
    process.env[SHARED_PLATFORM] = JSON.stringify({ databaseUrl: database.url, api, gateway, management } satisfies PlatformAddresses);
  } catch (error) {
    platform.kill('SIGKILL');
    throw error;
  }
  return async () => {
    const { code } = await platform.stop();
    await database.drop();
    if (code !== 0) throw new Error(`the shared platform ended with ${code}:\n${platform.lines.slice(-15).join('\n')}`);
  };
}
