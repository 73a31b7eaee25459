import type { Readable } from 'node:stream'
import fastifyMultipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { invalid, problem } from '../../errors.ts'

/** Fields beside the file, and bytes of one. */
const FIELDS = 10
const FIELD_BYTES = 8 * 1024
/** Bytes of the form around the file, at most: with the fields. */
const AROUND = FIELDS * (FIELD_BYTES + 1024)

/** Lets the routes of a scope receive forms. */
export const acceptForms = async (scope: FastifyInstance): Promise<void> => {
  await scope.register(fastifyMultipart, { throwFileSizeLimit: false })
}

/** What a form says before its file. */
export interface FormFile<F> {
  fields: F
  /** The name that the file has where it comes from. Not to be trusted. */
  filename: string
  /** The bytes, read no faster than they are taken. */
  content: Readable
}

const misplaced = (pointer: string, code: string, detail: string) =>
  problem('validation', undefined, { errors: [{ pointer, code, detail }] })

/**
 * Reads a form with one file, in the field `file`, behind its other fields. The file is never whole in memory.
 * @param schema of the other fields
 * @param limits `limit`: bytes of the file that are taken at most; a longer body is refused unread
 * @param take receives the file while it comes
 * @throws problem unsupported-media-type | too-large | validation | bad-request, and what `take` throws
 */
export async function readForm<S extends z.ZodType, T>(
  request: FastifyRequest,
  schema: S,
  limit: number,
  take: (file: FormFile<z.output<S>>) => Promise<T>,
): Promise<T> {
  if (!request.isMultipart()) throw problem('unsupported-media-type', 'Send a form (multipart/form-data) with the field file')
  if (Number(request.headers['content-length'] ?? 0) > limit + AROUND)
    throw problem('too-large', `The file has more than ${limit} bytes`)
  const fields = new Map<string, unknown>()
  let taken: { value: T } | null = null
  // One byte more than is taken: who takes it finds that it is too long.
  const limits = { fields: FIELDS, files: 1, parts: FIELDS + 1, fieldNameSize: 100, fieldSize: FIELD_BYTES, fileSize: limit + 1 }
  for await (const part of request.parts({ limits })) {
    const pointer = `/${part.fieldname}`
    if (taken) throw misplaced(pointer, 'misplaced', 'comes before the file')
    if (part.type === 'field') {
      if (part.valueTruncated === true) throw misplaced(pointer, 'too_big', `is longer than ${FIELD_BYTES} bytes`)
      if (fields.has(part.fieldname)) throw misplaced(pointer, 'repeated', 'is there twice')
      fields.set(part.fieldname, part.value)
      continue
    }
    // What is not taken must be read, or the rest of the form never comes.
    try {
      if (part.fieldname !== 'file') throw misplaced(pointer, 'unknown', 'the file is in the field file')
      const parsed = schema.safeParse(Object.fromEntries(fields))
      if (!parsed.success) throw invalid('body', parsed.error.issues)
      taken = { value: await take({ fields: parsed.data, filename: part.filename, content: part.file }) }
    } catch (error) {
      part.file.resume()
      throw error
    }
  }
  if (!taken) throw misplaced('/file', 'missing', 'is missing')
  return taken.value
}
