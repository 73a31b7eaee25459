import * as z from 'zod'
import { body, Comment, MANY_COMMENTS, span, spanRule } from './comments.ts'
import { endpoint } from './endpoint.ts'
import { bo, ids } from './examples.ts'
import { fileParams } from './files.ts'
import { noun } from './noun.ts'
import { digits, id, mediaMs, Person, prose, time } from './values.ts'

export const MarkerFormat = z.enum(['json', 'csv', 'audacity', 'reaper']).meta({ id: 'MarkerFormat' })
export type MarkerFormat = z.output<typeof MarkerFormat>

export const Marker = z
  .object({
    commentId: id,
    atMs: mediaMs,
    endMs: mediaMs.nullable().meta({ description: 'Of a range' }),
    body: z.string(),
    author: Person,
    resolvedAt: time.nullable(),
  })
  .meta({ id: 'Marker', description: 'A comment at a moment of a take, or at a range of it' })
export type Marker = z.output<typeof Marker>

export const Markers = z.object({ fileId: id, name: z.string(), take: z.int().nullable(), markers: z.array(Marker) }).meta({
  id: 'Markers',
  description: 'The markers of a take, in the order in which they are heard',
  examples: [
    {
      fileId: ids.file,
      name: 'Morning, rough mix.mp3',
      take: 2,
      markers: [{ commentId: ids.comment, atMs: 42_000, endMs: null, body: 'Louder here', author: bo, resolvedAt: null }],
    },
  ],
})
export type Markers = z.output<typeof Markers>

const MOST_MS = 2_147_483_647
const milliseconds = digits(0, MOST_MS)
/** One row of a CSV, by column: plain digits, and for a moment no end. */
export const MarkerRow = z
  .object({
    atMs: milliseconds,
    endMs: z.preprocess((value) => (value === '' ? null : value), milliseconds.nullable()),
    body,
  })
  .refine(span, spanRule)

/** UTF-16 units of a CSV, and bytes of JSON for one, where a client writes it as an escape. */
const CSV_LENGTH = 256 * 1024
const ESCAPED = 6
const tags = ['markers'] as const
const url = '/api/files/:fileId/markers'

export const markers = {
  get: endpoint({
    method: 'GET',
    url,
    access: 'project:read',
    target: 'fileId',
    effect: 'read',
    media: ['application/json', 'text/csv', 'text/plain'],
    largePages: true,
    schema: {
      summary: 'The markers of a take, for people, spreadsheets and other programs',
      description:
        'You get JSON, a CSV that can be imported again (`atMs`, `endMs`, `body`, `author`), a label track for Audacity, or the CSV of the region and ' +
        'marker manager of REAPER. In a CSV a text that a spreadsheet would take for a formula begins with an apostrophe. Replies are no markers.',
      tags,
      params: fileParams,
      querystring: z.strictObject({
        format: MarkerFormat.default('json'),
        resolved: z.enum(['true', 'false']).optional().meta({ description: 'Of resolved threads only, or of open ones' }),
      }),
      response: { 200: z.union([Markers, z.string()]) },
      problems: ['too-many'],
    },
  }),
  import: endpoint({
    method: 'POST',
    url,
    access: 'comment:create',
    target: 'fileId',
    effect: 'create',
    bodyLimit: CSV_LENGTH * ESCAPED + 1_000,
    schema: {
      summary: 'Comment on a take at each marker of a CSV',
      description:
        `You send what the export gave, or a CSV with the columns \`atMs\`, \`endMs\` and \`body\`: at most ${MANY_COMMENTS} rows behind the names of the ` +
        'columns. The comments are yours, whatever the column `author` says. If one row does not fit, nothing is written, and the problem names the row.',
      tags,
      params: fileParams,
      body: z.strictObject({
        csv: prose(CSV_LENGTH).meta({ example: 'atMs,endMs,body\r\n42000,,Louder here\r\n' }),
      }),
      response: { 200: z.object({ data: z.array(Comment) }) },
    },
  }),
}

/** Markers are comments at a moment: their events and rows are those of comments. */
export const markerNoun = noun({ actions: {}, endpoints: markers, events: {}, when: {}, changes: {}, collections: {} })
