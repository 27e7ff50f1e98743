/** The embedded server as a bracket. */
import { EaError } from '../../errors.js'

export async function withEmbeddedServer<T>(dataDir: string, _use: (url: string) => Promise<T>): Promise<T> {
  throw new EaError('embedded_start_failed', `No server can be started in ${dataDir} yet: set DATABASE_URL.`)
}
