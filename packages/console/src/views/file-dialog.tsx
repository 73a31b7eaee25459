import { type File, files, type MarkerFormat, markers } from '@cutroom/client'
import { useRef, useState } from 'preact/hooks'
import { byteSize } from '../lib/bytes.ts'
import { downloadUrl } from '../lib/cut-files.ts'
import { complain, useMay } from '../lib/room.ts'
import { base } from '../lib/router.ts'
import { toast } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { exact, mediaTime } from '../lib/time.ts'
import { Confirm, Dialog } from '../parts/dialog.tsx'
import { Field, Form, useSubmission } from '../parts/form.tsx'
import { texts } from '../texts.ts'
import { shareTexts } from '../texts-shares.ts'
import { soundTexts } from '../texts-sound.ts'
import { SharesDialog } from './shares.tsx'

const words = shareTexts.file
/** What the server takes, in UTF-16 units, which are no more than bytes. */
const LONGEST_CSV = 256 * 1024
const formats = Object.entries(words.formats) as [MarkerFormat, string][]

function Facts({ file }: { file: File }) {
  const { audio } = file
  return (
    <dl class="facts">
      <dt>{words.facts.by}</dt>
      <dd>
        {file.author.name}, {exact(file.createdAt)}
      </dd>
      <dt>{words.facts.size}</dt>
      <dd>{byteSize(file.size)}</dd>
      {audio && (
        <>
          <dt>{words.facts.length}</dt>
          <dd>{mediaTime(audio.durationMs)}</dd>
          <dt>{words.facts.format}</dt>
          <dd>{words.format(audio.codec, audio.channels, audio.sampleRate / 1000)}</dd>
        </>
      )}
      <dt>{words.facts.type}</dt>
      <dd>{file.type}</dd>
    </dl>
  )
}

/** The comments at moments of a take, for other programs and from them. */
function Markers({ file }: { file: File }) {
  const mayComment = useMay('commenter')
  const input = useRef<HTMLInputElement>(null)
  const [isBusy, setBusy] = useState(false)
  const take = async (chosen: globalThis.File | undefined) => {
    if (!chosen) return
    if (chosen.size > LONGEST_CSV) return toast(words.importLarge, 'bad')
    setBusy(true)
    try {
      const csv = await chosen.text()
      const { data } = await client.call(markers.import, { params: { fileId: file.id }, body: { csv } })
      toast(words.imported(data.length))
    } catch (error) {
      complain(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <section class="stack">
      <h3>{words.markers}</h3>
      <p class="quiet small">{words.markersText}</p>
      <div class="row wrap">
        {formats.map(([format, text]) => (
          <a key={format} class="button tight" href={`${base}/api/files/${file.id}/markers?format=${format}`} download="">
            {text}
          </a>
        ))}
      </div>
      {mayComment && (
        <div>
          <input
            ref={input}
            type="file"
            accept=".csv,text/csv"
            hidden
            aria-label={words.import}
            onChange={({ currentTarget }) => {
              void take(currentTarget.files?.[0])
              currentTarget.value = ''
            }}
          />
          <button type="button" class="button tight" disabled={isBusy} onClick={() => input.current?.click()}>
            {isBusy ? texts.working : words.import}
          </button>
          <p class="quiet small">{words.importHelp}</p>
        </div>
      )}
    </section>
  )
}

/** What is known of a file, and what can be done with it. */
export function FileDialog({ file, onClose }: { file: File; onClose: () => void }) {
  const mayEdit = useMay('editor')
  const isOwner = useMay('owner')
  const [name, setName] = useState(file.name)
  const [then, setThen] = useState<'delete' | 'share' | null>(null)
  const submission = useSubmission(['name'])
  const mayDelete = isOwner || (mayEdit && file.author.id === client.userId)
  const params = { fileId: file.id }
  if (then === 'share') return <SharesDialog of={{ kind: 'file', id: file.id }} name={file.name} onClose={onClose} />
  if (then === 'delete')
    return (
      <Confirm
        title={words.deleteTitle(file.name)}
        text={words.deleteText}
        action={texts.delete}
        onDo={() => void client.call(files.delete, { params }).catch(complain)}
        onClose={onClose}
      />
    )
  return (
    <Dialog title={file.take === null ? file.name : `${soundTexts.take(file.take)} · ${file.name}`} onClose={onClose}>
      <div class="stack">
        <Facts file={file} />
        <div class="row wrap">
          <a class="button" href={downloadUrl(file)} download={file.name}>
            {words.download}
          </a>
          {mayEdit && (
            <button type="button" class="button" onClick={() => setThen('share')}>
              {soundTexts.share}
            </button>
          )}
          {mayDelete && (
            <button type="button" class="button plain" onClick={() => setThen('delete')}>
              {texts.delete}
            </button>
          )}
        </div>
        {mayEdit && (
          <Form
            submission={submission}
            action={texts.save}
            disabled={name.trim() === '' || name.trim() === file.name}
            work={() => client.call(files.update, { params, body: { name: name.trim() } })}
          >
            <Field
              label={words.name}
              value={name}
              onInput={setName}
              maxLength={255}
              dir="auto"
              wrong={submission.field('name')}
            />
          </Form>
        )}
        {file.take !== null && <Markers file={file} />}
      </div>
    </Dialog>
  )
}
