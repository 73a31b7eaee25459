import { ConfigError } from '../../config.ts'
import type { Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { LEAST_RETENTION_S } from './timetable.ts'

const isTooShort = (retentionSeconds: number | null): boolean => retentionSeconds !== null && retentionSeconds < LEAST_RETENTION_S

/** @throws problem retention-too-short */
export function assertRetention(retentionSeconds: number | null): void {
  if (isTooShort(retentionSeconds))
    throw problem('retention-too-short', 'Failed deliveries are tried again for three days; EVENT_RETENTION must be 4d at least')
}

/** Stops the start of a server whose webhooks could not be sent again. @throws ConfigError */
export async function checkRetention(query: Query, retentionSeconds: number | null): Promise<void> {
  if (!isTooShort(retentionSeconds)) return
  const found = await query({ text: 'SELECT 1 FROM "Webhook" LIMIT 1', values: [] })
  if (found.length > 0)
    throw new ConfigError(['EVENT_RETENTION must be at least 4d, or off, while there are webhooks: set it, or delete them first'])
}
