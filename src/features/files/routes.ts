import { files } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { Prisma } from '../../db/client.ts'
import { decodePeaks } from '../../media/peaks.ts'
import { waveformSvg } from '../../media/waveform.ts'
import type { RouteContext } from '../shared/noun.ts'
import { byAge, readPage } from '../shared/paging.ts'
import { createContentSender, createMemberDownloads, loadPeaks } from './content.ts'
import { usageOf } from './quota.ts'
import { resumableRoutes } from './resumable.ts'
import { fileReading } from './serialize.ts'
import { createFile, deleteFile, loadFile, renameFile, type StoredFile } from './writes.ts'

/** Of a project, or of one of its cuts: a cut of another project has none here. */
function listed(projectId: string, cutId: string | undefined): Prisma.Sql {
  const inProject = Prisma.sql`t."projectId" = ${projectId}::uuid`
  if (cutId === undefined) return inProject
  return Prisma.sql`t."cutId" = ${cutId}::uuid
    AND EXISTS (SELECT FROM "Cut" c WHERE c.id = ${cutId}::uuid AND c."projectId" = ${projectId}::uuid)`
}

export function fileRoutes(app: FastifyInstance, context: RouteContext): void {
  const { prisma, query, config, files: services } = context
  const { quota } = config

  app.serve(files.list, (asked) => {
    const { cutId, kind } = asked.query
    const ofKind = kind ? Prisma.sql`t.kind = ${kind}::"FileKind"` : Prisma.sql`true`
    const rows = (after: Prisma.Sql) =>
      Prisma.sql`"File" t WHERE ${listed(asked.params.projectId, cutId)} AND ${ofKind} AND ${after}`
    return readPage(query, asked, { order: byAge, reading: fileReading, rows })
  })
  app.write(
    files.create,
    ({ scope, params }, write, stored: StoredFile) => createFile(write, quota, scope, params.cutId, stored),
    undefined,
    {
      prepare: ({ request }) => services.receiver.form(request, request.caller?.userId ?? ''),
      digest: ({ kind, name, sha256 }) => ({ kind, name, sha256 }),
      within: ({ request, reply }, write) => app.withPlace(request, reply, write),
      // Unless the write has claimed it.
      release: ({ key }) => services.objects.discard(key),
    },
  )
  app.serve(files.get, ({ params }) => loadFile(prisma, params.fileId))
  app.write(
    files.update,
    ({ scope, params, body }, write) => renameFile(write, scope.projectId, params.fileId, body.name),
    loadFile,
  )
  app.write(files.delete, ({ scope, params }, write) => deleteFile(write, scope.projectId, params.fileId), loadFile)

  const send = createContentSender(query, services.storage)
  const exchange = createMemberDownloads(app, query)
  app.stream(files.content, (asked) => send.content(exchange(asked), asked.query.download === 'true' ? 'attachment' : 'inline'))
  app.stream(files.thumbnail, (asked) => send.rendition(exchange(asked), 'thumbnail', 'image/webp'))
  app.stream(files.waveform, (asked) =>
    send.rendition(exchange(asked), 'peaks', 'image/svg+xml', (data) => Buffer.from(waveformSvg(decodePeaks(data)))),
  )
  app.serve(files.peaks, ({ params, query: { points } }) => loadPeaks(query, params.fileId, points))

  app.serve(files.usage, ({ params }) => usageOf(query, quota, { kind: 'project', id: params.projectId }))
  app.serve(files.ownUsage, ({ me }) => usageOf(query, quota, { kind: 'person', id: me.userId }))

  resumableRoutes(app, context)
}
