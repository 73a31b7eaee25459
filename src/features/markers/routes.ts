import { markers } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { createContentSender, createMemberDownloads, renamed } from '../files/content.ts'
import type { RouteContext } from '../shared/noun.ts'
import { loadMarkers } from './export.ts'
import { formats } from './formats.ts'
import { importMarkers } from './import.ts'

export function markerRoutes(app: FastifyInstance, { query, files }: RouteContext): void {
  const send = createContentSender(query, files.storage)
  const exchange = createMemberDownloads(app, query)
  app.stream(markers.get, async (asked) => {
    const found = await loadMarkers(query, asked.params.fileId, asked.query.resolved)
    const { type, ending, write } = formats[asked.query.format]
    const name = renamed(found.name, `markers.${ending}`)
    const about = { type, name, disposition: 'attachment' as const, lastModified: new Date() }
    return send.made(exchange(asked), about, Buffer.from(write(found)))
  })
  app.write(markers.import, async ({ scope, params, body }, write) => ({
    data: await importMarkers(write, scope.projectId, scope.me, params.fileId, body.csv),
  }))
}
