import type { Person } from '@cutroom/client'
import type { ComponentChildren, RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { lazy } from '../lib/lazy.tsx'
import { mentionOf, nameBegun, withEdit, withNames } from '../lib/mentions.ts'
import { useRoom } from '../lib/room.ts'
import { exactMediaTime, readMediaTime } from '../lib/time.ts'
import { keepUnsent, unsent } from '../lib/unsent.ts'
import type { Span } from '../lib/writes.ts'
import { texts } from '../texts.ts'
import { commentTexts } from '../texts-comments.ts'
import { useSubmission, Wrong } from './form.tsx'

const words = commentTexts.comments
const LONGEST = 10_000
/** Loaded when the first name is begun. */
const MentionList = lazy(() => import('./mention-list.tsx').then(({ MentionList }) => MentionList), null)

/** The moment that a comment is about, as it stands in its fields, and where they are drawn. */
export interface Moment {
  /** Undefined: what is written is no moment. */
  span: Span | undefined
  fields: ComponentChildren
  set(atMs: number | null, endMs: number | null): void
  clear(): void
}

/** A moment by one field, where nothing is heard. */
export function useMoment(): Moment {
  const [at, setAt] = useState('')
  const atMs = readMediaTime(at)
  return {
    span: atMs === undefined ? undefined : { atMs, endMs: null, fileId: null },
    set: (ms) => setAt(ms === null ? '' : exactMediaTime(ms)),
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

/** Names in place of mentions in a box, and the list of members while one is begun. */
function useNames(box: RefObject<HTMLTextAreaElement | null>, text: string, write: (text: string) => void) {
  const shown = withNames(text)
  const [begun, setBegun] = useState<ReturnType<typeof nameBegun>>(null)
  const close = () => setBegun(null)
  const choose = (person: Person) => {
    if (!box.current || !begun) return
    const { start, name } = begun
    const mention = `${mentionOf(person)} `
    const next = shown.slice(0, start) + mention + shown.slice(start + 1 + name.length)
    const written = withEdit(text, next, start + mention.length)
    const caret = start + withNames(mention).length
    // now, not when it is drawn: the caret stays where it is put
    box.current.value = withNames(written)
    box.current.setSelectionRange(caret, caret)
    write(written)
    close()
  }
  return {
    input: {
      value: shown,
      maxLength: LONGEST - text.length + shown.length,
      'aria-autocomplete': 'list' as const,
      onInput({ currentTarget: { value, selectionEnd } }: { currentTarget: HTMLTextAreaElement }) {
        const next = withEdit(text, value, selectionEnd)
        write(next)
        setBegun(nameBegun(next, selectionEnd))
      },
      onClick: close,
      onBlur: close,
    },
    list: begun && <MentionList box={box} name={begun.name} onChoose={choose} onClose={close} />,
  }
}

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
  /** What is kept is read again when this changes. */
  renewed?: number
  /** Rejects where it cannot be sent: then what is written stays. */
  onSend: (body: string, span: Span) => Promise<unknown>
  onCancel?: () => void
}) {
  const room = useRoom()
  const key = props.draft ?? props.targetId
  const read = () => unsent(key) ?? props.initial ?? ''
  const [body, setBody] = useState(read)
  const box = useRef<HTMLTextAreaElement>(null)
  const submission = useSubmission()
  const span = props.moment ? props.moment.span : NO_MOMENT
  const canSend = body.trim() !== '' && span !== undefined
  useEffect(() => {
    setBody(read)
    if (props.autoFocus) box.current?.focus()
  }, [props.renewed])
  const write = (next: string) => {
    setBody(next)
    keepUnsent(key, next)
    room.setTyping(props.targetId, next !== '')
  }
  const names = useNames(box, body, write)
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
        dir="auto"
        {...names.input}
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
      {names.list}
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
