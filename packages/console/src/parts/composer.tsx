import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { useRoom } from '../lib/room.ts'
import { readMediaTime } from '../lib/time.ts'
import { keepUnsent, unsent } from '../lib/unsent.ts'
import type { Span } from '../lib/writes.ts'
import { texts } from '../texts.ts'
import { commentTexts } from '../texts-comments.ts'
import { useSubmission, Wrong } from './form.tsx'

const words = commentTexts.comments
const LONGEST = 10_000

/** The moment that a comment is about, as it stands in its fields, and where they are drawn. */
export interface Moment {
  /** Undefined: what is written is no moment. */
  span: Span | undefined
  fields: ComponentChildren
  clear(): void
}

/** A moment by one field, where nothing is heard. */
export function useMoment(): Moment {
  const [at, setAt] = useState('')
  const atMs = readMediaTime(at)
  return {
    span: atMs === undefined ? undefined : { atMs, endMs: null, fileId: null },
    clear: () => setAt(''),
    fields: <TimeField label={words.at} value={at} isWrong={atMs === undefined} wrong={words.atWrong} onInput={setAt} />,
  }
}

/** A field for a time like 1:02. */
export function TimeField(props: {
  label: string
  value: string
  isWrong: boolean
  wrong: string
  onInput: (text: string) => void
}) {
  return (
    <input
      class="at"
      aria-label={props.label}
      placeholder={props.label}
      value={props.value}
      aria-invalid={props.isWrong}
      title={props.isWrong ? props.wrong : undefined}
      onInput={(event) => props.onInput(event.currentTarget.value)}
    />
  )
}

const NO_MOMENT: Span = { atMs: null, endMs: null, fileId: null }

/** Where a comment or a reply is written. Ctrl or Cmd and Enter sends. */
export function Composer(props: {
  id: string
  label: string
  /** The cut or task, for those who see that another person writes. */
  targetId: string
  draft?: string
  initial?: string
  moment?: Moment
  action?: string
  autoFocus?: boolean
  /** Rejects where it cannot be sent: then what is written stays. */
  onSend: (body: string, span: Span) => Promise<unknown>
  onCancel?: () => void
}) {
  const room = useRoom()
  const key = props.draft ?? props.targetId
  const [body, setBody] = useState(() => unsent(key) ?? props.initial ?? '')
  const box = useRef<HTMLTextAreaElement>(null)
  const submission = useSubmission()
  const span = props.moment ? props.moment.span : NO_MOMENT
  const canSend = body.trim() !== '' && span !== undefined
  useEffect(() => {
    if (props.autoFocus) box.current?.focus()
  }, [])
  const write = (next: string) => {
    setBody(next)
    keepUnsent(key, next)
    room.setTyping(props.targetId, next !== '')
  }
  const cancel = () => {
    write('')
    props.onCancel?.()
  }
  const send = async () => {
    if (!canSend || !(await submission.run(() => props.onSend(body.trim(), span)))) return
    write('')
    props.moment?.clear()
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <textarea
        ref={box}
        id={props.id}
        aria-label={props.label}
        placeholder={props.label}
        rows={2}
        maxLength={LONGEST}
        dir="auto"
        value={body}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault()
            send()
          } else if (event.key === 'Escape' && props.onCancel) {
            event.stopPropagation()
            event.preventDefault()
            cancel()
          }
        }}
      />
      <Wrong {...submission} />
      <div class="row wrap">
        {props.moment?.fields}
        <span class="grow" />
        {props.onCancel && (
          <button type="button" class="button" onClick={cancel}>
            {texts.cancel}
          </button>
        )}
        <button type="submit" class="button primary" disabled={!canSend}>
          {props.action ?? words.send}
        </button>
      </div>
    </form>
  )
}
