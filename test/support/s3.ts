import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import S3rver from 's3rver'
import type { S3Config } from '../../src/config/files.ts'

/** The keys that s3rver knows. */
const KEYS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }

export interface TestS3 {
  config: S3Config
  port: number
  close(): Promise<void>
}

/** An S3-compatible store in this process, with a bucket and a folder of its own. */
export async function startS3(): Promise<TestS3> {
  const directory = mkdtempSync(join(tmpdir(), 'cutroom-s3-'))
  const server = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory,
    vhostBuckets: false,
    configureBuckets: [{ name: 'cutroom', configs: [] }],
  })
  // winston warns of each line that comes after its transports were closed.
  server.logger.silent = true
  const { port } = await server.run()
  return {
    config: { endpoint: `http://127.0.0.1:${port}`, bucket: 'cutroom', region: 'us-east-1', prefix: 'studio/', ...KEYS },
    port,
    async close() {
      await server.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
