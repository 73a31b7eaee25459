import { type FileKind, files } from '@cutroom/contract'
import type { FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import { problem } from '../../errors.ts'
import { readForm } from '../../http/uploads/form.ts'
import type { UploadSlots } from '../../http/uploads/slots.ts'
import type { Objects } from '../../jobs/objects.ts'
import { sniff } from '../../media/sniff.ts'
import type { StagedFile, Staging } from '../../ports/storage/staging.ts'
import { displayName } from './names.ts'
import type { StoredFile } from './writes.ts'

/** What a client says of a file. */
interface Said {
  kind: FileKind | undefined
  /** The name that people are to see, or one of another machine. */
  name: string
}

export interface Receiver {
  /** Receives the file of a form: its bytes are in the store then, and no row says so yet. */
  form(request: FastifyRequest, userId: string): Promise<StoredFile>
  /** Puts a whole file into the store, if it may be there. The staged file is gone then, in any case. */
  store(staged: StagedFile, said: Said): Promise<StoredFile>
  /** The most bytes of a file of this kind, or of any. */
  limitOf(kind: FileKind | undefined): number
}

interface ReceiverOptions {
  config: Pick<Config, 'uploadMax'>
  staging: Staging
  objects: Pick<Objects, 'store'>
  slots: UploadSlots
}

const Fields = files.create.schema.body.omit({ file: true })

/** Takes files in. What they are, their content says alone. */
export function createReceiver({ config: { uploadMax }, staging, objects, slots }: ReceiverOptions): Receiver {
  const limitOf = (kind: FileKind | undefined) => (kind ? uploadMax[kind] : Math.max(...Object.values(uploadMax)))

  async function store(staged: StagedFile, { kind, name }: Said): Promise<StoredFile> {
    const { path, size, sha256 } = staged
    try {
      const found = await sniff(path)
      if (!found) throw problem('unsupported-media-type', 'Files are sound, zip, pictures, PDF or plain text, by their content')
      if (kind !== undefined && kind !== found.kind)
        throw problem('unsupported-media-type', `The content is ${found.type}, which is no ${kind}`)
      const limit = limitOf(found.kind)
      if (size > limit)
        throw problem('too-large', `A file of the kind ${found.kind} has at most ${limit} bytes; this one has ${size}`)
      const { type } = found
      const key = await objects.store({ path, size, type, sha256 })
      return { key, kind: found.kind, name: displayName(name), type, size, sha256 }
    } finally {
      await staging.remove(path)
    }
  }

  return {
    store,
    limitOf,
    form: (request, userId) =>
      slots.run(userId, () =>
        readForm(request, Fields, limitOf(undefined), async ({ fields: { kind, name }, filename, content }) =>
          store(await staging.write(content, { limit: limitOf(kind) }), { kind, name: name ?? filename }),
        ),
      ),
  }
}
